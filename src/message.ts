/** How error messages are worded. */

/** Facts that an error message is made of; all are optional but `what`. */
export interface ErrorFacts {
  what: string;
  file?: string;
  tensor?: string;
  got?: unknown;
  expected?: unknown;
  cause?: unknown;
}

/** A message: where, what, got, expected, in one line. */
export function sentence(facts: ErrorFacts): string {
  let text = clip(facts.what, 400);
  const place = [facts.file && `file ${clip(facts.file)}`, facts.tensor !== undefined && `tensor ${clip(facts.tensor)}`]
    .filter(Boolean)
    .join(", ");
  if (place) text = `${place}: ${text}`;
  if ("got" in facts) text += `; got ${show(facts.got)}`;
  if ("expected" in facts) text += `; expected ${prose(facts.expected)}`;
  return text;
}

/**
 * Names and words come from files: one of a million characters stays whole in the error's fields, but not in its message, and a line break or a
 * terminal's control code stands there as an escape.
 */
function clip(name: string, most = 200): string {
  const short = name.length > most ? `${name.slice(0, most)}…` : name;
  return short.replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What was expected is said in words, which need no quotes; lists of words (options, dtypes) are short enough to stand whole. */
function prose(expected: unknown): string {
  const words = Array.isArray(expected) && expected.every((word) => typeof word === "string");
  if (words) return clip(expected.join(", "), 400);
  return typeof expected === "string" ? clip(expected, 400) : show(expected);
}

/** A value as it stands in a message: short, and never a whole array. */
export function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return `${JSON.stringify(value.slice(0, 80))}${value.length > 80 ? "…" : ""}`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    // A file may nest lists by the thousand.
    if (depth > 2) return "[…]";
    const list = value as ArrayLike<unknown>;
    const item = (v: unknown) => (typeof v === "string" ? clip(v) : show(v, depth + 1));
    const items = Array.from({ length: Math.min(8, list.length || 0) }, (_, i) => item(list[i]));
    return `[${items.join(", ")}${list.length > 8 ? ", …" : ""}]`;
  }
  if (typeof value === "object" && value !== null) {
    try {
      return clip(JSON.stringify(value), 80);
    } catch {
      return "an object";
    }
  }
  return clip(String(value), 80);
}
