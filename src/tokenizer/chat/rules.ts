import type { Family, TurnRules } from "./format.ts";
import { type Facts, namesIn, type Row, rowsOf, textFor } from "./rows.ts";
import { BOS, CONTENT, EOS, type Node, parseTemplate, TOOLS, TRIMMED_CONTENT, Unreadable } from "./template.ts";

/**
 * The rules that a chat template follows, found by asking its table of rows what it writes for each kind of message. Every answer must be
 * one that the rules can express: a template that is read at all is read exactly.
 * @throws Unreadable naming what the rules have no word for
 */
export function rulesOf(template: string, family: Family): TurnRules {
  const parts = partsOf(parseTemplate(template));
  const body = parts.loops.at(-1)!;
  const { open } = family;

  // the user's turn shows the white space after the markers, and whether the assistant's header ends it
  const user = always(body, "user");
  const turn = new RegExp(
    `^${escaped(`${open}user${family.close}`)}(\\s*)([${CONTENT}${TRIMMED_CONTENT}])${escaped(family.end)}(\\s*)([^]*)$`,
  ).exec(user);
  if (!turn) throw new Unreadable("its user turn");
  const content = turn[2];
  const close = family.close + turn[1];
  const end = family.end + turn[3];
  const write: Write = (role, inner = content) => `${open}${role}${close}${inner}${end}`;
  const header = `${open}assistant${close}`;
  const byUser = turn[4] !== "";
  if (byUser && turn[4] !== header) throw new Unreadable("its user turn");
  known(always(body, "assistant"), "assistant turn", { turn: byUser ? content + end : write("assistant") });

  const strangers = ["a role of no name", ...namesIn(body, "role")].filter((role) => !NAMED.includes(role));
  const others = strangers.map((role) =>
    known(always(body, role), `"${role}" turn`, { written: write(role), dropped: "" }),
  );
  if (new Set(others).size > 1) throw new Unreadable("its turns of other roles");

  return {
    close,
    end,
    bos: parts.head.startsWith(BOS),
    ...startOf(parts, family, { open: `${open}system${close}`, write, content, end }),
    otherRoles: others[0],
    assistantHeader: byUser ? "user turn" : "assistant turn",
    ...endOf(parts.tail, header),
    trim: content === TRIMMED_CONTENT,
  };
}

const NAMED = ["system", "user", "assistant"];
type Write = (role: string, inner?: string) => string;

interface Parts {
  head: string;
  loops: Row[][];
  between: string;
  tail: Row[];
}

/** Text, one or two loops over the messages, and what comes after. */
function partsOf(nodes: readonly Node[]): Parts {
  const loops: Row[][] = [];
  const around: Node[][] = [[]];
  for (const node of nodes) {
    if (typeof node === "object" && "loop" in node) {
      loops.push(rowsOf(node.loop));
      around.push([]);
    } else around.at(-1)!.push(node);
  }
  if (loops.length < 1 || loops.length > 2) throw new Unreadable(`${loops.length} loops over the messages`);
  if (loops.flat().some(({ when }) => when.some(({ about }) => about === "prompt" || about === "last role")))
    throw new Unreadable("a message's turn that depends on the end");
  const [head, between = ""] = around.slice(0, -1).map((part) => {
    const rows = rowsOf(part);
    if (rows.length > 1) throw new Unreadable("a condition before the messages");
    return rows[0].text;
  });
  return { head, loops, between, tail: rowsOf(around.at(-1)!) };
}

/** What becomes of system messages, of the template's own system text and of tools. */
function startOf(
  parts: Parts,
  family: Family,
  turn: { open: string; write: Write; content: string; end: string },
): Pick<TurnRules, "system" | "preamble" | "joint" | "tools"> {
  const { open, write, content, end } = turn;
  const head = parts.head.startsWith(BOS) ? parts.head.slice(1) : parts.head;
  const joins = parts.loops.length === 2;
  if (VALUES.test(head)) throw new Unreadable("what it begins with");
  if ((joins || head) && !(head.startsWith(open) && (joins || head.endsWith(end))))
    throw new Unreadable("what it begins with");
  const preamble = joins || head ? { preamble: head.slice(open.length, joins ? undefined : -end.length) } : {};

  const rows = parts.loops[0];
  const system: Facts = { role: "system", content: true };
  const plain = textFor(rows, system);
  const withTools = textFor(rows, { ...system, tools: true });
  const empty = textFor(rows, { role: "system" });
  const emptyWithTools = textFor(rows, { role: "system", tools: true });
  const [before, after] = family.toolMarkers ?? [];
  const tools = withTools !== plain;
  const tooled = plain.replace(content, () => `${content}${before}${TOOLS}${after}`);
  if (tools && (before === undefined || withTools !== tooled || empty !== plain)) throw new Unreadable("its tools");
  if (emptyWithTools !== (tools ? withTools : empty)) throw new Unreadable("its empty system turn");

  if (!joins) {
    const of = (text: string) => known(text, "system turn", { turn: write("system"), dropped: "" });
    if (of(plain) === "dropped" && of(empty) === "turn") throw new Unreadable("its system turn");
    return { ...preamble, system: of(plain) === of(empty) ? of(plain) : "turn unless empty", tools };
  }
  // the first loop joins the system messages to the preamble, the second writes the others
  const joint = plain.slice(0, -1);
  const strangers = ["user", "assistant", "a role of no name", ...namesIn(rows, "role")].filter((r) => r !== "system");
  if (plain !== joint + content || VALUES.test(joint) || empty !== plain) throw new Unreadable("its system turn");
  if (parts.between !== end || strangers.some((role) => always(rows, role) !== "") || always(parts.loops[1], "system"))
    throw new Unreadable("its two loops");
  return { ...preamble, system: "joined", joint, tools };
}

/** What stands at the end, with and without a generation prompt, after an assistant's turn and after another. */
function endOf(tail: readonly Row[], header: string): Pick<TurnRules, "prompt" | "eos"> {
  if (namesIn(tail, "last role").some((name) => name !== "assistant")) throw new Unreadable("its end");
  const write = (prompt: boolean, lastRole: string) => textFor(tail, { prompt, lastRole });
  const asked = known(write(true, "user"), "end", { prompt: header, none: "" });
  const afterAnswer = known(write(true, "assistant"), "end", { prompt: header, none: "" });
  const unasked = known(write(false, "user"), "end", { eos: EOS, none: "" });
  if ((asked === "none" && afterAnswer === "prompt") || write(false, "user") !== write(false, "assistant"))
    throw new Unreadable("its end");
  const prompt = asked === "none" ? "never" : afterAnswer === "none" ? "unless the assistant spoke last" : "when asked";
  return { prompt, eos: unasked === "eos" };
}

const VALUES = /[\uFDD0-\uFDD5]/;

/** What a table writes for a role, where it writes the same whether the message has content and tools or not. */
function always(rows: readonly Row[], role: string): string {
  const texts = [true, false].flatMap((content) =>
    [true, false].map((tools) => textFor(rows, { role, content, tools })),
  );
  if (new Set(texts).size > 1) throw new Unreadable(`its "${role}" turn`);
  return texts[0];
}

/** The name of the one among the known texts. */
function known<T extends string>(text: string, what: string, texts: Record<T, string>): T {
  const found = (Object.keys(texts) as T[]).find((name) => texts[name] === text);
  if (found === undefined) throw new Unreadable(`its ${what}`);
  return found;
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
