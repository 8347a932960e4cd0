/**
 * `phi-ts/core/gguf`: GGUF files, for `loadPhi(…, { formats: [gguf] })` of `phi-ts/core`.
 * @module
 */
import { ggufFolder } from "../formats/gguf/checkpoint/source.ts";
import { isGguf } from "../formats/gguf/magic.ts";
import type { FileFormat } from "../load/file-format.ts";
import { ggufFiles } from "../load/gguf.ts";
import { holdsGguf } from "./folders.ts";

/** A GGUF file, or several, as a whole checkpoint: weights, configuration and tokenizer. */
export const gguf: FileFormat = {
  ...ggufFiles,
  /** The file that was named, whatever it is called, or the only one of a folder without safetensors. */
  async folder(source, file, tell) {
    if (file) return isGguf(file) ? ggufFolder(source, file.name, tell) : undefined;
    return holdsGguf((await source.list?.()) ?? []) ? ggufFolder(source, undefined, tell) : undefined;
  },
};
