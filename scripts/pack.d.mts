/** What `unpack` of src/inline/unpack.ts makes `bytes` of again. */
export function pack(bytes: Uint8Array): Uint8Array;
