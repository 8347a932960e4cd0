import { TokenizerError } from "../errors.ts";
import { bytesOfToken } from "./byte-level.ts";
import { asCharacter, asCount, asString, type Fields, flatten } from "./fields.ts";
import { compilePattern, replaceMatches } from "./pattern.ts";
import { prependScheme } from "./pre-tokenizers.ts";

/** One step from tokens to text: a list of strings becomes another, and at the end they are joined. HF: tokenizers/src/decoders. */
export type Decoder =
  /** Each token for itself; `index` is its place in the list. */
  | { kind: "map"; map: (token: string, index: number) => string }
  /** All tokens together are bytes (see byte-level.ts). */
  | { kind: "bytes" }
  /** Runs of tokens "<0x00>" to "<0xFF>" are bytes. */
  | { kind: "fallback" }
  /** All tokens become one. */
  | { kind: "fuse" }
  /** Up to `start` of a character off the front of each token, up to `stop` off its end. */
  | { kind: "strip"; content: string; start: number; stop: number };

/** @throws TokenizerError for a decoder that is not supported @throws FormatError for a malformed one */
export function compileDecoders(value: unknown): Decoder[] {
  // Without a decoder, HF puts a space between tokens.
  if (value === undefined || value === null)
    return [{ kind: "map", map: (token, i) => (i === 0 ? token : ` ${token}`) }];
  return flatten(value, "decoder", "decoders").map(([part, where]) => compileStep(part, where));
}

function compileStep(part: Fields, where: string): Decoder {
  const type = part.type as string;
  switch (type) {
    case "ByteLevel":
      return { kind: "bytes" };
    case "ByteFallback":
      return { kind: "fallback" };
    case "Fuse":
      return { kind: "fuse" };
    case "Strip":
      return {
        kind: "strip",
        content: asCharacter(part.content, `${where}.content`),
        start: asCount(part.start, `${where}.start`),
        stop: asCount(part.stop, `${where}.stop`),
      };
    case "Replace": {
      const pattern = compilePattern(part, where);
      const content = asString(part.content, `${where}.content`);
      if (pattern.isRegex && content.includes("$"))
        throw new TokenizerError(
          { what: `tokenizer.json: ${where}.content: a "$" is not supported`, got: content },
          "unsupported",
        );
      return { kind: "map", map: (token) => replaceMatches(pattern, token, content) };
    }
    case "Metaspace": {
      const mark = asCharacter(part.replacement, `${where}.replacement`);
      const drop = prependScheme(part, where) !== "never";
      return { kind: "map", map: (token, i) => token.split(mark).join(i === 0 && drop ? "" : " ") };
    }
  }
  throw new TokenizerError({ what: `tokenizer.json: ${where}: the decoder "${type}" is not supported` }, "unsupported");
}

/** The text of a list of tokens. */
export function decodeTokens(decoders: readonly Decoder[], tokens: readonly string[]): string {
  return decoders.reduce((list, decoder) => decodeStep(decoder, list), tokens).join("");
}

function decodeStep(decoder: Decoder, tokens: readonly string[]): readonly string[] {
  switch (decoder.kind) {
    case "map":
      return tokens.map(decoder.map);
    case "bytes":
      return [lossyText(concat(tokens.map(bytesOfToken)))];
    case "fallback":
      return fallBack(tokens);
    case "fuse":
      return [tokens.join("")];
    case "strip":
      return tokens.map((token) => strip(token, decoder.content, decoder.start, decoder.stop));
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** UTF-8 with one U+FFFD for each part that is not valid, as WHATWG and Rust agree on it. */
function lossyText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The byte of a token like "<0x0A>", or -1. */
export function byteOfToken(token: string): number {
  return token.length === 6 && /^<0x[0-9a-fA-F]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : -1;
}

/** A run of bytes becomes its text, or one U+FFFD for each byte if any of it is not valid. */
function fallBack(tokens: readonly string[]): string[] {
  const out: string[] = [];
  let run: number[] = [];
  const flush = () => {
    if (run.length > 0) out.push(...textOfRun(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOfToken(token);
    if (byte >= 0) run.push(byte);
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

/** Pieces, since the steps that follow see one token per bad byte. */
function textOfRun(run: readonly number[]): string[] {
  try {
    return [new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run))];
  } catch {
    return run.map(() => "\ufffd");
  }
}

function strip(token: string, content: string, start: number, stop: number): string {
  const chars = [...token];
  let from = 0;
  let to = chars.length;
  while (from < Math.min(start, chars.length) && chars[from] === content) from++;
  while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
  return chars.slice(from, to).join("");
}
