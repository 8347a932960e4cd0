import { inflateRaw } from "#platform";
import { inflate } from "./inflate.ts";

/** Bytes that the library carries in its own code, so that no file has to be found at run time. `scripts/inline.mjs` writes them. */
export interface Inlined {
  /** Bytes that come out. */
  readonly size: number;
  /** Base64 of the raw DEFLATE stream. */
  readonly deflated: string;
}

/**
 * By the platform, which is faster than code that has not run before, or by our own.
 * @throws FormatError (code "inflate") for what scripts/inline.mjs did not write
 */
export function inlinedBytes({ size, deflated }: Inlined): Uint8Array<ArrayBuffer> {
  const text = atob(deflated);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return inflateRaw?.(bytes) ?? inflate(bytes, size);
}
