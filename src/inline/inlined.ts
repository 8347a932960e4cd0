import { unpack } from "./unpack.ts";

/** Bytes that the library carries in its own code, so that no file has to be found at run time. `scripts/inline.mjs` writes them. */
export interface Inlined {
  /** Bytes that come out. */
  readonly size: number;
  /** Base64 of what `unpack` takes. */
  readonly packed: string;
}

/**
 * The bytes of each, which were packed one after the other.
 * @throws FormatError (code "packed_bytes") for what scripts/inline.mjs did not write
 */
export function inlinedBytes(parts: readonly Inlined[]): Uint8Array<ArrayBuffer>[] {
  return unpack(
    parts.map(({ size, packed }) => {
      const text = atob(packed);
      const bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      return { size, packed: bytes };
    }),
  );
}
