import { asObject, asString, type Fields, malformed } from "./fields.ts";
import { compileRegex, type Regex } from "./regex.ts";

/** A pattern of a Split or Replace: `{ "String": "…" }` is searched as it stands, `{ "Regex": "…" }` is Oniguruma's. */
export function compilePattern(part: Fields, where: string): Regex & { isRegex: boolean } {
  const pattern = asObject(part.pattern, `${where}.pattern`);
  if ("Regex" in pattern) {
    return { ...compileRegex(asString(pattern.Regex, `${where}.pattern.Regex`)), isRegex: true };
  }
  const text = asString(pattern.String, `${where}.pattern.String`);
  if (text === "") malformed(`${where}.pattern.String`, text, "at least one character");
  return { findAll: (inside) => findText(inside, text), isRegex: false };
}

/** The places of a text in another, as [start, end, …]. */
export function findText(inside: string, text: string): number[] {
  const out: number[] = [];
  for (let at = inside.indexOf(text); at >= 0; at = inside.indexOf(text, at + text.length))
    out.push(at, at + text.length);
  return out;
}

/** `text` with each match replaced by `content`. */
export function replaceMatches(pattern: Regex, text: string, content: string): string {
  const matches = pattern.findAll(text);
  if (matches.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < matches.length; i += 2) {
    parts.push(text.slice(from, matches[i]), content);
    from = matches[i + 1];
  }
  parts.push(text.slice(from));
  return parts.join("");
}
