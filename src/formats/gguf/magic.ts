/** Whether bytes begin as a GGUF file does. */
export const isGgufStart = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(0, 4)) === "GGUF";

/** Whether a file is to be read as GGUF: it begins so, or is called so. */
export const isGguf = ({ name, start }: { name: string; start: Uint8Array }): boolean =>
  isGgufStart(start) || name.endsWith(".gguf");
