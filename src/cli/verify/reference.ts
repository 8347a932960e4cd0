import { FormatError } from "../../errors.ts";

/** Logits that a model is known to give. */
export interface LogitsCase {
  kind: "logits";
  /** The model's name. */
  model: string;
  /** T ids. */
  ids: readonly number[];
  /** Positions in `ids` of which logits are known. */
  positions: readonly number[];
  /** For each of the positions the logits of ids 0 … n - 1, n ≤ V. */
  logits: readonly (readonly number[])[];
  /** A float32 run may deviate by atol + rtol · |figure|. */
  atol: number;
  rtol: number;
  /** How the figures were computed, and who states them: for people. */
  arithmetic: string;
  source: string;
}

/** The text with which a model is known to go on when it takes the likeliest token each time. */
export interface TextCase {
  kind: "text";
  model: string;
  /** A conversation, or a text that goes on; control tokens in the text count as such. */
  prompt: string | readonly { role: string; content: string }[];
  maxTokens: number;
  text: string;
  arithmetic: string;
  source: string;
}

export type Case = LogitsCase | TextCase;

type Json = Record<string, unknown>;

/**
 * The cases of a reference file: `{ logits: [{ model, input_ids, positions, first_logits, atol, rtol, arithmetic, source }],
 * generations: [{ model, messages or prompt, max_new_tokens, text, arithmetic, source }] }`; docs/verify.md has what may be left out.
 * @throws FormatError naming file and place
 */
export function parseReference(json: unknown, file: string): Case[] {
  const root = object(json, file, "the file");
  const cases = [
    ...list(root.logits ?? [], file, "logits").map((item, i) => logitsCase(item, file, `logits[${i}]`)),
    ...list(root.generations ?? [], file, "generations").map((item, i) => textCase(item, file, `generations[${i}]`)),
  ];
  if (cases.length > 0) return cases;
  throw new FormatError({ what: "no case", file, expected: 'lists "logits" or "generations"' });
}

function logitsCase(item: unknown, file: string, where: string): LogitsCase {
  const c = object(item, file, where);
  const ids = numbers(c.input_ids, file, `${where}.input_ids`, (n) => Number.isSafeInteger(n) && n >= 0);
  const rows = list(c.first_logits, file, `${where}.first_logits`);
  const logits = rows.map((row, i) => numbers(row, file, `${where}.first_logits[${i}]`));
  const inside = (n: number) => Number.isSafeInteger(n) && n >= 0 && n < ids.length;
  const positions = numbers(c.positions ?? ids.map((_, i) => i), file, `${where}.positions`, inside);
  if (positions.length !== logits.length || logits.length === 0)
    fail(file, `${where}: a row of first_logits for each position`, logits.length, `${positions.length}, at least 1`);
  return {
    ...about(c, file, where),
    kind: "logits",
    ids,
    positions,
    logits,
    atol: tolerance(c.atol, file, `${where}.atol`),
    rtol: tolerance(c.rtol, file, `${where}.rtol`),
  };
}

function textCase(item: unknown, file: string, where: string): TextCase {
  const c = object(item, file, where);
  const maxTokens = c.max_new_tokens;
  if (!Number.isSafeInteger(maxTokens) || (maxTokens as number) < 1)
    fail(file, `${where}.max_new_tokens`, maxTokens, "an integer from 1");
  const messages = c.messages === undefined ? undefined : list(c.messages, file, `${where}.messages`);
  const prompt = messages
    ? messages.map((m, i) => {
        const { role, content } = object(m, file, `${where}.messages[${i}]`);
        return { role: text(role, file, `${where}.messages[${i}].role`), content: text(content, file, where) };
      })
    : text(c.prompt, file, `${where}.prompt`);
  return {
    ...about(c, file, where),
    kind: "text",
    prompt,
    maxTokens: maxTokens as number,
    text: text(c.text, file, `${where}.text`),
  };
}

function about(c: Json, file: string, where: string): { model: string; arithmetic: string; source: string } {
  const word = (key: string, without: string) =>
    c[key] === undefined ? without : text(c[key], file, `${where}.${key}`);
  return {
    model: word("model", "this model"),
    arithmetic: word("arithmetic", "float32"),
    source: word("source", file),
  };
}

function fail(file: string, what: string, got: unknown, expected: string): never {
  throw new FormatError({ what, file, got, expected });
}

function object(value: unknown, file: string, where: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  return fail(file, where, value, "an object");
}

function list(value: unknown, file: string, where: string): unknown[] {
  return Array.isArray(value) ? value : fail(file, where, value, "a list");
}

function text(value: unknown, file: string, where: string): string {
  return typeof value === "string" ? value : fail(file, where, value, "a text");
}

function numbers(
  value: unknown,
  file: string,
  where: string,
  valid: (n: number) => boolean = Number.isFinite,
): number[] {
  const all = list(value, file, where);
  const bad = all.findIndex((n) => typeof n !== "number" || !valid(n));
  if (bad >= 0) fail(file, `${where}[${bad}]`, all[bad], "a number that fits");
  return all as number[];
}

/** @returns 1e-3 where none is given */
function tolerance(value: unknown, file: string, where: string): number {
  if (value === undefined) return 1e-3;
  return typeof value === "number" && value >= 0 ? value : fail(file, where, value, "a number from 0");
}
