/** What `unpack` of src/inline/unpack.ts makes `bytes` of again, after what is unpacked `before` them. */
export function pack(bytes: Uint8Array, before?: Uint8Array): Uint8Array;
