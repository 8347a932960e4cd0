import { FormatError } from "../errors.ts";

/** Checked access to the parsed tokenizer.json. `where` is the path of the value in the file, for the message. */

export type Fields = Readonly<Record<string, unknown>>;

/** @throws FormatError, always */
export function malformed(where: string, got: unknown, expected: string): never {
  throw new FormatError({ what: where, file: "tokenizer.json", got, expected }, "tokenizer_format");
}

export function asObject(value: unknown, where: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  return malformed(where, value, "an object");
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : malformed(where, value, "an array");
}

export function asString(value: unknown, where: string): string {
  return typeof value === "string" ? value : malformed(where, value, "a string");
}

/** A single character, as one string. */
export function asCharacter(value: unknown, where: string): string {
  const text = asString(value, where);
  return [...text].length === 1 ? text : malformed(where, text, "one character");
}

/** An absent or null field has its default. */
export function asBoolean(value: unknown, where: string, fallback: boolean): boolean {
  if (value === undefined || value === null) return fallback;
  return typeof value === "boolean" ? value : malformed(where, value, "true or false");
}

/** Token ids are below this: no vocabulary is near it, and tables by id must not grow without bounds. */
const MAX_ID = 2 ** 24;

export function asId(value: unknown, where: string): number {
  const valid = Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_ID;
  return valid ? (value as number) : malformed(where, value, `an integer from 0 to ${MAX_ID - 1}`);
}

export function asCount(value: unknown, where: string): number {
  const valid = Number.isSafeInteger(value) && (value as number) >= 0;
  return valid ? (value as number) : malformed(where, value, "an integer from 0");
}

/** Parts nest in sequences; a file that nests them deeper than this is no tokenizer. */
const MAX_DEPTH = 16;

/** Flattens sequences of parts: [part, its path in the file] in order. `null` and absent give none. */
export function flatten(value: unknown, where: string, list: string, depth = 0): [Fields, string][] {
  if (value === undefined || value === null) return [];
  if (depth > MAX_DEPTH) malformed(where, "more", `at most ${MAX_DEPTH} sequences inside one another`);
  const part = asObject(value, where);
  if (asString(part.type, `${where}.type`) !== "Sequence") return [[part, where]];
  const inner = asArray(part[list], `${where}.${list}`);
  return inner.flatMap((item, i) =>
    flatten(asObject(item, `${where}.${list}[${i}]`), `${where}.${list}[${i}]`, list, depth + 1),
  );
}
