import { inflateRaw } from "#platform";
import { inflate } from "./inflate.ts";

/** Bytes that the library carries in its own code, so that no file has to be found at run time. `scripts/inline.mjs` writes them. */
export type Inlined = Whole | Alike;

interface Whole {
  /** Bytes that come out. */
  readonly size: number;
  /** Base64 of the raw DEFLATE stream. */
  readonly deflated: string;
}

/** Bytes that resemble others, as one build does another: parts of them, each deflated with 32 KiB of `like` from byte `from` on as its dictionary. */
interface Alike {
  readonly like: Inlined;
  readonly parts: readonly (Whole & { readonly from: number })[];
}

/** What DEFLATE's copies reach over (RFC 1951, 3.2.5). */
const WINDOW = 32768;

/** @throws FormatError (code "inflate") for what scripts/inline.mjs did not write */
export function inlinedBytes(inlined: Inlined): Uint8Array<ArrayBuffer> {
  if ("deflated" in inlined) return inflated(inlined);
  const like = inlinedBytes(inlined.like);
  const parts = inlined.parts.map((part) => inflated(part, like.subarray(part.from, part.from + WINDOW)));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** By the platform, which is faster than code that has not run before, or by our own. */
function inflated({ deflated, size }: Whole, dictionary?: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = decoded(deflated);
  return inflateRaw?.(bytes, dictionary) ?? inflate(bytes, size, dictionary);
}

function decoded(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
