/**
 * Reads what a chat template writes, without running it: the few statements that Phi templates are made of become a table of rows
 * "when this holds, this text is written" (rows.ts). Anything else in a template makes it unreadable, and the reason is told.
 * White space around tags goes by Jinja's rules with trim_blocks and lstrip_blocks on, as transformers sets them
 * (Jinja documentation, "Whitespace Control"; transformers.utils.chat_template_utils).
 */

/** What stands for a value in the text of a row: noncharacters of Unicode, which no text holds. */
export const CONTENT = "\uFDD0";
export const TRIMMED_CONTENT = "\uFDD1";
export const ROLE = "\uFDD2";
export const TOOLS = "\uFDD3";
export const BOS = "\uFDD4";
export const EOS = "\uFDD5";

export type Node = string | { branches: Branch[] } | { loop: Node[] };
export interface Branch {
  when: Condition[];
  nodes: Node[];
}
export type Condition =
  | { about: "role" | "last role"; is: string; not: boolean }
  | { about: "content" | "tools" | "prompt"; not: boolean };

/** Why a template cannot be read. Never leaves this folder: the caller falls back to the vocabulary's markers and tells the reason. */
export class Unreadable extends Error {}

const MAX_LENGTH = 20_000; // Phi's own are of 300 to 3,000 characters

type Piece = { kind: "text" | "output" | "statement"; text: string };

/** The template cut into text, `{{ … }}` and `{% … %}`, comments left out and white space cut as Jinja cuts it. */
function pieces(source: string): Piece[] {
  const template = source.replaceAll(/\r\n?/g, "\n").replace(/\n$/, "");
  const result: Piece[] = [];
  const tag = /\{([%{#])([-+]?)([\s\S]*?)([-+]?)(?:%\}|\}\}|#\})/g;
  let from = 0;
  let cutBefore = (text: string) => text;
  let lineStart = true; // the text begins a line
  for (;;) {
    const match = tag.exec(template);
    let text = cutBefore(template.slice(from, match?.index));
    if (match) {
      const isBlock = match[1] !== "{";
      if (match[2] === "-") text = text.trimEnd();
      else if (isBlock && match[2] !== "+") {
        const line = text.lastIndexOf("\n") + 1;
        if ((line > 0 || lineStart) && text.slice(line).trim() === "") text = text.slice(0, line);
      }
    }
    if (text) result.push({ kind: "text", text });
    if (!match) return result;
    const [all, bracket, , inner, right] = match;
    if (bracket !== "#") result.push({ kind: bracket === "%" ? "statement" : "output", text: inner.trim() });
    from = match.index + all.length;
    const blockEnd = bracket !== "{" && right !== "+" && template[from] === "\n";
    lineStart = right === "-" ? false : blockEnd;
    cutBefore = right === "-" ? (t) => t.trimStart() : blockEnd ? (t) => t.slice(1) : (t) => t;
  }
}

const PATH = String.raw`([A-Za-z_]\w*)(?:\.(\w+)|\[\s*(?:'(\w+)'|"(\w+)")\s*\])?`;
const ATOM = new RegExp(
  String.raw`\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|${PATH})\s*(\.strip\(\)|\|\s*trim\b)?\s*(\+|~|$)`,
  "y",
);

function unescaped(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (_, c: string) => {
    const value = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' }[c];
    if (value === undefined) throw new Unreadable(`the escape \\${c}`);
    return value;
  });
}

/** `'<|' + message['role'] + '|>'` as text with marks for the values. */
function output(expression: string, variable: string | undefined): string {
  let text = "";
  ATOM.lastIndex = 0;
  for (let more = true; more; ) {
    const match = ATOM.exec(expression);
    if (!match) throw new Unreadable(`{{ ${expression} }}`);
    const [, single, double, name, dot, quoted, doubleQuoted, trim, next] = match;
    const key = dot ?? quoted ?? doubleQuoted;
    const literal = single ?? double;
    let value: string | undefined;
    if (literal !== undefined) value = trim ? undefined : unescaped(literal);
    else if (key === undefined) value = trim ? undefined : { bos_token: BOS, eos_token: EOS }[name];
    else if (name === variable) {
      if (key === "content") value = trim ? TRIMMED_CONTENT : CONTENT;
      else value = trim ? undefined : { role: ROLE, tools: TOOLS }[key];
    }
    if (value === undefined) throw new Unreadable(`{{ ${expression} }}`);
    text += value;
    more = next !== "";
    if (more && ATOM.lastIndex === expression.length) throw new Unreadable(`{{ ${expression} }}`);
  }
  return text;
}

/** A condition of terms joined by "and". */
function conditions(source: string, variable: string | undefined): Condition[] {
  if (/\bnot\s*\(/.test(source)) throw new Unreadable(`the condition "${source}"`);
  const text = source
    .replaceAll(/[()]/g, " ")
    .replaceAll(/\[\s*(['"])(\w+)\1\s*\]/g, ".$2")
    .trim();
  return text.split(/\s+and\s+/).map((term): Condition => {
    const role = /^(\w+|messages\[-1\])\.role\s*(==|!=)\s*(['"])(\w+)\3$/.exec(term);
    if (role && (role[1] === variable || role[1] === "messages[-1]")) {
      return { about: role[1] === variable ? "role" : "last role", is: role[4], not: role[2] === "!=" };
    }
    if (/^(not\s+)?add_generation_prompt$/.test(term)) return { about: "prompt", not: term.startsWith("not") };
    const own = /^(\w+)\.(content|tools)(\s+is\s+not\s+none)?$/.exec(term);
    if (own && own[1] === variable && (own[2] === "tools") === (own[3] !== undefined))
      return { about: own[2] as "content" | "tools", not: false };
    const within = /^(['"])tools\1\s+in\s+(\w+)$/.exec(term);
    if (within && within[2] === variable) return { about: "tools", not: false };
    throw new Unreadable(`the condition "${source}"`);
  });
}

/** @throws Unreadable for anything that Phi's templates are not made of */
export function parseTemplate(template: string): Node[] {
  if (template.length > MAX_LENGTH) throw new Unreadable(`its length of ${template.length} characters`);
  if (/[\uFDD0-\uFDD5]/.test(template)) throw new Unreadable("noncharacters in its text");
  const list = pieces(template);
  let at = 0;

  /** Nodes up to a statement that closes the part they stand in. */
  function nodes(variable: string | undefined): Node[] {
    const result: Node[] = [];
    for (; at < list.length; at++) {
      const { kind, text } = list[at];
      if (kind === "text") result.push(text);
      else if (kind === "output") result.push(output(text, variable));
      else if (/^(elif|else|endif|endfor)\b/.test(text)) return result;
      else if (/^(end)?generation$/.test(text))
        continue; // marks the assistant's text for training, writes nothing
      else if (/^if\s/.test(text)) result.push(branches(variable));
      else if (/^for\s/.test(text)) result.push(loop(text, variable));
      else throw new Unreadable(`{% ${text} %}`);
    }
    return result;
  }

  function branches(variable: string | undefined): Node {
    const result: Branch[] = [];
    for (;;) {
      const head = /^(?:(?:if|elif)\s+([\s\S]+)|else)$/.exec(list[at].text);
      if (!head) throw new Unreadable(`{% ${list[at].text} %}`);
      at++;
      const when = head[1] === undefined ? [] : conditions(head[1], variable);
      result.push({ when, nodes: nodes(variable) });
      const end = list[at]?.text;
      if (end === "endif") return { branches: result };
      if (end === undefined || end.startsWith("endfor")) throw new Unreadable("an if without its endif");
      if (when.length === 0) throw new Unreadable("an else before the last branch");
    }
  }

  function loop(head: string, outer: string | undefined): Node {
    const variable = /^for\s+(\w+)\s+in\s+messages$/.exec(head)?.[1];
    if (variable === undefined || outer !== undefined) throw new Unreadable(`{% ${head} %}`);
    at++;
    const body = nodes(variable);
    if (list[at]?.text !== "endfor") throw new Unreadable("a for without its endfor");
    return { loop: body };
  }

  const result = nodes(undefined);
  if (at < list.length) throw new Unreadable(`{% ${list[at].text} %} that closes nothing`);
  return result;
}
