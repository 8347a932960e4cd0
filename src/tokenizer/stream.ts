import { bytesOfToken } from "./byte-level.ts";
import { byteOfToken, type Decoder, decodeTokens } from "./decoders.ts";
import type { TokenStream } from "./types.ts";
import { Utf8State } from "./utf8-state.ts";

const BAD = "\ufffd";

/** Turns tokens into text as they come. `open` means that the text ends in half a character. */
interface Body {
  push(token: string): string;
  open(): boolean;
  end(): string;
}

/** Byte-level tokens: one stream of UTF-8. */
function bytesBody(): Body {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const state = new Utf8State();
  return {
    push(token) {
      const bytes = bytesOfToken(token);
      for (const byte of bytes) state.push(byte);
      return decoder.decode(bytes, { stream: true });
    },
    open: () => state.inside,
    end: () => decoder.decode(),
  };
}

/**
 * Tokens "<0x00>" to "<0xFF>" in runs. A run's characters are given out as they become whole; once a run is bad, what of it has not been
 * given out becomes one U+FFFD per byte. (The batch decoder sees the end of a run first, and marks all of its bytes.)
 */
function fallbackBody(): Body {
  let held: number[] = [];
  let state = new Utf8State();
  let bad = false;
  const textOf = (bytes: number[]) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  const flush = () => {
    const text = bad || state.inside ? BAD.repeat(held.length) : textOf(held);
    held = [];
    state = new Utf8State();
    bad = false;
    return text;
  };
  return {
    push(token) {
      const byte = byteOfToken(token);
      if (byte < 0) return flush() + token;
      held.push(byte);
      if (!state.push(byte)) bad = true;
      if (bad || state.inside) return "";
      const text = textOf(held);
      // A real U+FFFD may still turn out to be part of a bad run.
      if (text.endsWith(BAD)) return "";
      held = [];
      return text;
    },
    open: () => held.length > 0,
    end: flush,
  };
}

function plainBody(): Body {
  return { push: (token) => token, open: () => false, end: () => "" };
}

/** The steps of a decoder, if their text can be given out as tokens come: token by token, then bytes, then off the front. */
function plan(decoders: readonly Decoder[]) {
  const rest = [...decoders];
  const maps: ((token: string, index: number) => string)[] = [];
  while (rest[0]?.kind === "map") maps.push((rest.shift() as Extract<Decoder, { kind: "map" }>).map);
  const bytes = rest[0]?.kind === "bytes";
  const fallback = rest[0]?.kind === "fallback";
  if (bytes || fallback) rest.shift();
  const fused = rest[0]?.kind === "fuse";
  if (fused) rest.shift();
  const strips: { content: string; start: number }[] = [];
  for (const step of rest) {
    if (!(fused || bytes) || step.kind !== "strip" || step.stop > 0) return undefined;
    strips.push(step);
  }
  return { maps, strips, body: bytes ? bytesBody() : fallback ? fallbackBody() : plainBody() };
}

/**
 * A stream by these decoders. Text is held back while it ends in U+FFFD, whether of half a character, a bad one or a real one: this is
 * what HF's DecodeStream does, and what makes the pieces add up to the text of the whole. `end()` gives out whatever is held.
 * @param tokenOf the token of an id, or undefined for ids that are left out
 */
export function decodeStream(decoders: readonly Decoder[], tokenOf: (id: number) => string | undefined): TokenStream {
  const steps = plan(decoders);
  if (!steps) return wholeStream(decoders, tokenOf);
  const { maps, body } = steps;
  const strips = steps.strips.map(({ content, start }) => ({ content, left: start }));
  let index = 0;
  let held: string[] = [];

  /** Takes up to `left` of a character off the front of the whole text. */
  const offFront = (text: string): string => {
    for (const strip of strips) {
      while (strip.left > 0 && text !== "") {
        if (!text.startsWith(strip.content)) strip.left = 0;
        else {
          text = text.slice(strip.content.length);
          strip.left--;
        }
      }
    }
    return text;
  };
  const release = (): string => {
    const text = held.join("");
    held = [];
    return text;
  };
  return {
    push(id) {
      const token = tokenOf(id);
      if (token === undefined) return "";
      const text = offFront(body.push(maps.reduce((current, map) => map(current, index), token)));
      index++;
      if (text !== "") held.push(text);
      const last = held[held.length - 1];
      return last === undefined || last.endsWith(BAD) || body.open() ? "" : release();
    },
    end() {
      held.push(offFront(body.end()));
      return release();
    },
  };
}

/** For decoders whose text is certain only when all tokens are there. */
function wholeStream(decoders: readonly Decoder[], tokenOf: (id: number) => string | undefined): TokenStream {
  let tokens: string[] = [];
  return {
    push(id) {
      const token = tokenOf(id);
      if (token !== undefined) tokens.push(token);
      return "";
    },
    end() {
      const text = decodeTokens(decoders, tokens);
      tokens = [];
      return text;
    },
  };
}
