/** Whether bytes begin as a GGUF file does. */
export const isGgufStart = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(0, 4)) === "GGUF";
