import { TokenizerError } from "../errors.ts";
import { show } from "../message.ts";
import { CharSet, type Ranges } from "./char-set.ts";
import { type Node, parseRegex } from "./regex-parse.ts";

/**
 * A matcher of the regular expressions of tokenizer files. It does what Oniguruma does (leftmost, first alternative, greedy with
 * backtracking), but with fixed tables of Unicode, so that all engines give the same ids, and with loops where an engine's own RegExp
 * runs out of stack (V8's does on a run of 4 million letters).
 */
export interface Regex {
  /**
   * All matches as [start, end, start, end, …]. A match of nothing right behind another match does not count (as in rust-onig).
   * @param text well-formed UTF-16
   * @throws TokenizerError where a repeated group has more turns than the stack holds, or the pattern goes back over the text without end
   */
  findAll(text: string): number[];
}

/** Where a match that starts at `at` ends, or -1. */
type Match = (text: string, at: number) => number;

const ACCEPT: Match = (_, at) => at;

/**
 * Steps back that are left for a text: turns of a set given up, choices without a way on, long walks. A pattern such as (a+)+b takes 2^n of them where published ones
 * take a few per character; Oniguruma gives up after 10^7 retries, too.
 */
interface Budget {
  left: number;
  pattern: string;
}

const STEPS = 1e7;
/** Turns of a set from which on they count: a pattern may walk a run again from each of its characters. */
const LONG_WALK = 64;
const STEPS_PER_CHARACTER = 100;

function spend(budget: Budget, steps: number): void {
  budget.left -= steps;
  if (budget.left >= 0) return;
  const what = `regular expression ${show(budget.pattern)}: it goes back over the text without end`;
  throw new TokenizerError({ what }, "regex");
}

/** @throws TokenizerError (code "regex") for a pattern that is wrong or uses what is not supported */
export function compileRegex(pattern: string): Regex {
  const budget: Budget = { left: 0, pattern };
  const match = compile(parseRegex(pattern), ACCEPT, budget);
  return {
    findAll(text) {
      budget.left = STEPS + STEPS_PER_CHARACTER * text.length;
      try {
        return findAll(match, text);
      } catch (cause) {
        if (!isStackOverflow(cause)) throw cause;
        const what = `regular expression ${show(pattern)}: a repeated group has more turns than the stack holds`;
        throw new TokenizerError({ what, cause }, "regex");
      }
    },
  };
}

/** V8 and JavaScriptCore throw a RangeError where the stack ends, SpiderMonkey an InternalError, which has no name elsewhere. */
function isStackOverflow(cause: unknown): boolean {
  return cause instanceof RangeError || (cause instanceof Error && cause.name === "InternalError");
}

function findAll(match: Match, text: string): number[] {
  const out: number[] = [];
  let lastEnd = -1;
  for (let at = 0; at <= text.length; ) {
    const end = match(text, at);
    if (end < 0 || (end === at && end === lastEnd)) {
      at += at < text.length ? widthAt(text, at) : 1;
      continue;
    }
    out.push(at, end);
    at = lastEnd = end;
  }
  return out;
}

/** Length in code units of the character at `at` (which is inside the text). */
function widthAt(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1;
}

/** Length in code units of the character before `at` (at > 0). */
function widthBefore(text: string, at: number): number {
  return (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 ? 2 : 1;
}

/** Compiles a node followed by `next`. */
function compile(node: Node, next: Match, budget: Budget): Match {
  switch (node.type) {
    case "set":
      return one(node.set, next);
    case "sequence":
      return node.nodes.reduceRight((after, part) => compile(part, after, budget), next);
    case "choice":
      return choice(
        node.nodes.map((part) => compile(part, next, budget)),
        budget,
      );
    case "repeat":
      return repeat(node, next, budget);
    case "atomic":
      return atomic(compile(node.node, ACCEPT, budget), next);
    case "look":
      return look(node, next, budget);
    case "at":
      return place(node.place, next);
  }
}

function one(ranges: Ranges, next: Match): Match {
  if (ranges.length === 2 && ranges[0] === ranges[1] && ranges[0] <= 0xffff) {
    const code = ranges[0];
    return (text, at) => (text.charCodeAt(at) === code ? next(text, at + 1) : -1);
  }
  const set = new CharSet(ranges);
  return (text, at) => {
    const width = step(set, text, at);
    return width > 0 ? next(text, at + width) : -1;
  };
}

/** Length of the character at `at` if the set has it, else 0. */
function step(set: CharSet, text: string, at: number): number {
  if (at >= text.length) return 0;
  const unit = text.charCodeAt(at);
  if ((unit & 0xfc00) !== 0xd800) return set.has(unit) ? 1 : 0;
  return set.has(text.codePointAt(at) as number) ? 2 : 0;
}

function choice(parts: readonly Match[], budget: Budget): Match {
  return (text, at) => {
    for (const part of parts) {
      const end = part(text, at);
      if (end >= 0) return end;
    }
    spend(budget, 1);
    return -1;
  };
}

function atomic(inner: Match, next: Match): Match {
  return (text, at) => {
    const end = inner(text, at);
    return end < 0 ? -1 : next(text, end);
  };
}

type Repeat = Extract<Node, { type: "repeat" }>;

function repeat(node: Repeat, next: Match, budget: Budget): Match {
  if (node.mode === "possessive") return atomic(repeat({ ...node, mode: "greedy" }, ACCEPT, budget), next);
  if (node.node.type === "set") return repeatSet(new CharSet(node.node.set), node, next, budget);
  return repeatGroup(node, next, budget);
}

/** A repeated set takes no stack: it walks to its end and, if greedy, back again. */
function repeatSet(set: CharSet, { min, max, mode }: Repeat, next: Match, budget: Budget): Match {
  return (text, start) => {
    let at = start;
    let count = 0;
    const least = mode === "lazy" ? min : max;
    while (count < least) {
      const width = step(set, text, at);
      if (width === 0) break;
      at += width;
      count++;
    }
    if (count > LONG_WALK) spend(budget, count);
    if (count < min) return -1;
    if (mode === "lazy") {
      for (;;) {
        const end = next(text, at);
        const width = end < 0 && count < max ? step(set, text, at) : 0;
        if (width === 0) return end;
        spend(budget, 1);
        at += width;
        count++;
      }
    }
    if (next === ACCEPT) return at;
    for (;;) {
      const end = next(text, at);
      if (end >= 0 || count === min) return end;
      spend(budget, 1);
      at -= widthBefore(text, at);
      count--;
    }
  };
}

/**
 * A repeated group, written out: X{2,4} is XX(X(X)?)?, and X{2,} is XX followed by a loop, which is as deep on the stack as it has turns.
 * The parser has refused loops of groups that may match nothing.
 */
function repeatGroup({ node, min, max, mode }: Repeat, next: Match, budget: Budget): Match {
  const prefer = (more: Match, stop: Match) => choice(mode === "lazy" ? [stop, more] : [more, stop], budget);
  let tail = next;
  if (max === Infinity) {
    const turn: Match = compile(node, (text, at) => loop(text, at), budget);
    const loop = prefer(turn, next);
    tail = loop;
  } else {
    for (let i = min; i < max; i++) tail = prefer(compile(node, tail, budget), next);
  }
  for (let i = 0; i < min; i++) tail = compile(node, tail, budget);
  return tail;
}

function look(node: Extract<Node, { type: "look" }>, next: Match, budget: Budget): Match {
  const { behind, negate } = node;
  const inner = compile(node.node, ACCEPT, budget);
  return (text, at) => {
    const start = behind ? (at > 0 ? at - widthBefore(text, at) : -1) : at;
    const found = start >= 0 && inner(text, start) >= 0;
    return found === negate ? -1 : next(text, at);
  };
}

/** A line ends at "\n" only, as in Oniguruma, and the end of the text starts no line. */
function place(where: Extract<Node, { type: "at" }>["place"], next: Match): Match {
  const NEWLINE = 10;
  const holds: Record<typeof where, (text: string, at: number) => boolean> = {
    "text start": (_, at) => at === 0,
    "text end": (text, at) => at === text.length,
    "line start": (text, at) => at === 0 || (at < text.length && text.charCodeAt(at - 1) === NEWLINE),
    "line end": (text, at) => at === text.length || text.charCodeAt(at) === NEWLINE,
  };
  const test = holds[where];
  return (text, at) => (test(text, at) ? next(text, at) : -1);
}
