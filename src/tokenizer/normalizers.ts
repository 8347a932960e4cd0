import { TokenizerError } from "../errors.ts";
import { toByteChars } from "./byte-level.ts";
import { isSpace } from "./char-set.ts";
import { asBoolean, asString, type Fields, flatten } from "./fields.ts";
import { compilePattern, replaceMatches } from "./pattern.ts";
import { compileRegex } from "./regex.ts";

/** Rewrites a text before it is split. HF: tokenizers/src/normalizers. */
export type Normalizer = (text: string) => string;

/** @throws TokenizerError for a normalizer that is not supported @throws FormatError for a malformed one */
export function compileNormalizer(value: unknown): Normalizer | undefined {
  const steps = flatten(value, "normalizer", "normalizers").map(([part, where]) => compileStep(part, where));
  if (steps.length === 0) return undefined;
  return (text) => steps.reduce((current, step) => step(current), text);
}

function compileStep(part: Fields, where: string): Normalizer {
  const type = part.type as string;
  switch (type) {
    case "Prepend": {
      const prefix = asString(part.prepend, `${where}.prepend`);
      return (text) => (text === "" ? text : prefix + text);
    }
    case "Replace":
      return replace(part, where);
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => text.normalize(type);
    case "Lowercase":
      // Rust lowers character by character; JavaScript's own rule for a sigma at the end of a word must not apply.
      return (text) =>
        text
          .split("Σ")
          .map((piece) => piece.toLowerCase())
          .join("σ");
    case "Strip": {
      const left = asBoolean(part.strip_left, `${where}.strip_left`, true);
      const right = asBoolean(part.strip_right, `${where}.strip_right`, true);
      return (text) => strip(text, left, right);
    }
    case "StripAccents": {
      const marks = compileRegex("\\p{M}");
      return (text) => replaceMatches(marks, text, "");
    }
    case "ByteLevel":
      return toByteChars;
  }
  throw new TokenizerError(
    { what: `tokenizer.json: ${where}: the normalizer "${type}" is not supported` },
    "unsupported",
  );
}

function replace(part: Fields, where: string): Normalizer {
  const pattern = compilePattern(part, where);
  const content = asString(part.content, `${where}.content`);
  // Whether "$1" stands for a group differs between versions of the library.
  if (pattern.isRegex && content.includes("$")) {
    const what = `tokenizer.json: ${where}.content: a "$" in the replacement of a regular expression is not supported`;
    throw new TokenizerError({ what, got: content }, "unsupported");
  }
  return (text) => replaceMatches(pattern, text, content);
}

function strip(text: string, left: boolean, right: boolean): string {
  let start = 0;
  let end = text.length;
  while (left && start < end && isSpace(text.charCodeAt(start))) start++;
  while (right && end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
