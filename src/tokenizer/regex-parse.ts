import { complement, type Ranges, union, wordCharacters } from "./char-set.ts";
import { parseClass, parseEscape } from "./regex-class.ts";
import { Cursor } from "./regex-cursor.ts";

/**
 * The regular expressions of tokenizer files, parsed. They are written for Oniguruma (Ruby's syntax), which `tokenizers` uses; its
 * manual is doc/RE of Oniguruma. What is not built here is refused by name rather than matched differently.
 */
export type Node =
  | { type: "set"; set: Ranges }
  | { type: "sequence"; nodes: Node[] }
  | { type: "choice"; nodes: Node[] }
  | { type: "repeat"; node: Node; min: number; max: number; mode: "greedy" | "lazy" | "possessive" }
  | { type: "atomic"; node: Node }
  | { type: "look"; node: Node; behind: boolean; negate: boolean }
  | { type: "at"; place: "text start" | "text end" | "line start" | "line end" };

/** @throws TokenizerError (code "regex") for a pattern that is wrong or uses what is not supported */
export function parseRegex(pattern: string): Node {
  const cursor = new Cursor(pattern);
  const node = parseChoice(cursor);
  if (cursor.peek() !== "") cursor.refuse(`an unmatched "${cursor.peek()}"`);
  if (sizeOf(node) > 5000) cursor.refuse("a pattern of more than 5000 parts, repeats written out,");
  return node;
}

function parseChoice(cursor: Cursor): Node {
  const nodes = [parseSequence(cursor)];
  while (cursor.accept("|")) nodes.push(parseSequence(cursor));
  return nodes.length === 1 ? nodes[0] : { type: "choice", nodes };
}

/** Pairs of letters that one character can stand for when case is ignored (ß, ﬀ, ﬁ, ﬂ, ﬆ). */
const FOLDED_PAIR = /ss|ff|fi|fl|st/i;

function parseSequence(cursor: Cursor): Node {
  const nodes: Node[] = [];
  let letters = "";
  for (let char = cursor.peek(); char !== "" && char !== "|" && char !== ")"; char = cursor.peek()) {
    const atom = parseAtom(cursor);
    letters = cursor.ignoreCase && atom.type === "set" ? letters + char : "";
    if (FOLDED_PAIR.test(letters)) cursor.refuse(`"${letters.slice(-2)}" with case ignored`);
    nodes.push(parseQuantifiers(cursor, atom));
    if (nodes[nodes.length - 1] !== atom) letters = "";
  }
  return nodes.length === 1 ? nodes[0] : { type: "sequence", nodes };
}

function parseAtom(cursor: Cursor): Node {
  const char = cursor.next();
  switch (char) {
    case "(":
      return cursor.nested(() => parseGroup(cursor));
    case "[":
      return { type: "set", set: cursor.nested(() => parseClass(cursor)) };
    case ".":
      return { type: "set", set: [0, 9, 11, 0x10ffff] };
    case "^":
      return { type: "at", place: "line start" };
    case "$":
      return { type: "at", place: "line end" };
    case "*":
    case "+":
    case "?":
      return cursor.refuse(`a "${char}" with nothing to repeat`);
    case "\\":
      if (cursor.accept("A")) return { type: "at", place: "text start" };
      if (cursor.accept("z")) return { type: "at", place: "text end" };
      if (cursor.accept("w")) return { type: "set", set: bareWord() };
      if (cursor.accept("W")) return { type: "set", set: complement(bareWord()) };
      return { type: "set", set: parseEscape(cursor) };
    default:
      return { type: "set", set: cursor.literal(char.codePointAt(0) as number) };
  }
}

/** Outside of a class, Oniguruma's `\w` has the superscripts and fractions of Latin-1 too; `[\w]` has not. */
function bareWord(): Ranges {
  return union(wordCharacters(), [0xb2, 0xb3, 0xb9, 0xb9, 0xbc, 0xbe]);
}

function parseGroup(cursor: Cursor): Node {
  const before = cursor.ignoreCase;
  let wrap = (node: Node): Node => node;
  if (cursor.accept("?")) {
    if (cursor.accept("=")) wrap = (node) => ({ type: "look", node, behind: false, negate: false });
    else if (cursor.accept("!")) wrap = (node) => ({ type: "look", node, behind: false, negate: true });
    else if (cursor.accept("<="))
      wrap = (node) => ({ type: "look", node: oneSet(cursor, node), behind: true, negate: false });
    else if (cursor.accept("<!"))
      wrap = (node) => ({ type: "look", node: oneSet(cursor, node), behind: true, negate: true });
    else if (cursor.accept(">")) wrap = (node) => ({ type: "atomic", node });
    else if (cursor.accept("i:")) cursor.ignoreCase = true;
    else if (cursor.accept("-i:")) cursor.ignoreCase = false;
    else if (!cursor.accept(":")) cursor.refuse(`the group "(?${cursor.peek()}"`);
  }
  const node = parseChoice(cursor);
  if (!cursor.accept(")")) cursor.refuse("a group without an end");
  cursor.ignoreCase = before;
  return wrap(node);
}

/** What may stand in a look-behind: one character. */
function oneSet(cursor: Cursor, node: Node): Node {
  return node.type === "set" ? node : cursor.refuse("a look-behind of more than one character");
}

/** `*`, `+`, `?` and `{n,m}`, each once; a second `?` makes them lazy, a second `+` possessive (but `{n,m}+` is a repeat of a repeat). */
function parseQuantifiers(cursor: Cursor, atom: Node): Node {
  const range = parseRange(cursor);
  if (!range) return atom;
  if (atom.type === "at" || atom.type === "look") cursor.refuse("a repeated assertion");
  const { min, max, braces } = range;
  if (min > max) cursor.refuse(`the repeat {${min},${max}}`);
  if (max === Infinity && canBeEmpty(atom)) cursor.refuse("an endless repeat of a group that may match nothing");
  const repeat: Node = { type: "repeat", node: atom, min, max, mode: "greedy" };
  if (cursor.accept("?")) {
    if (braces && min === max) cursor.refuse(`the lazy repeat {${min}}?`);
    repeat.mode = "lazy";
  } else if (!braces && cursor.accept("+")) repeat.mode = "possessive";
  const again = parseRange(cursor);
  if (!again) return repeat;
  // (X{0,3})+ matches just as X* does: fewer first or more first, every number can be reached.
  const simple =
    atom.type === "set" && repeat.mode === "greedy" && min <= 1 && again.min <= 1 && max >= 1 && again.max >= 1;
  if (!simple || /^[?+*{]/.test(cursor.peek())) cursor.refuse("a repeat of a repeat");
  return { ...repeat, min: min * again.min, max: max * again.max };
}

function canBeEmpty(node: Node): boolean {
  switch (node.type) {
    case "set":
      return false;
    case "sequence":
      return node.nodes.every(canBeEmpty);
    case "choice":
      return node.nodes.some(canBeEmpty);
    case "repeat":
      return node.min === 0 || canBeEmpty(node.node);
    case "atomic":
      return canBeEmpty(node.node);
    default:
      return true;
  }
}

/** How many matchers a node becomes, since repeated groups are written out. */
function sizeOf(node: Node): number {
  switch (node.type) {
    case "set":
    case "at":
      return 1;
    case "sequence":
    case "choice":
      return node.nodes.reduce((sum, part) => sum + sizeOf(part), 1);
    case "repeat":
      if (node.node.type === "set") return 1;
      return (1 + sizeOf(node.node)) * (node.max === Infinity ? node.min + 1 : Math.max(node.max, 1));
    default:
      return 1 + sizeOf(node.node);
  }
}

function parseRange(cursor: Cursor): { min: number; max: number; braces: boolean } | undefined {
  if (cursor.accept("*")) return { min: 0, max: Infinity, braces: false };
  if (cursor.accept("+")) return { min: 1, max: Infinity, braces: false };
  if (cursor.accept("?")) return { min: 0, max: 1, braces: false };
  // {n}, {n,}, {,m}, {n,m}; any other brace is a character.
  const braces = cursor.match(/\{(\d{1,6})(?:(,)(\d{0,6}))?\}|\{()(,)(\d{1,6})\}/y);
  if (!braces) return undefined;
  const min = Number(braces[1] ?? 0);
  const most = braces[3] ?? braces[6];
  if (most === undefined) return { min, max: min, braces: true };
  return { min, max: most === "" ? Infinity : Number(most), braces: true };
}
