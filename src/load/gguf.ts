import { ggufWeights } from "../formats/gguf/checkpoint/weights.ts";
import { openGgufIn } from "../formats/gguf/open.ts";
import { REST } from "../kernels/rest.ts";
import { GGML_FORMATS } from "../quant/ggml/index.ts";
import { blockFormats, blocksOf } from "./block-formats.ts";
import type { FileFormat } from "./file-format.ts";

/** The weights of GGUF files, in a folder that lists its files and has no safetensors among them. */
export const ggufFiles: FileFormat = {
  name: "gguf",
  kernels: REST,
  async open(source, names, tell) {
    const ends = (end: string) => names.some((name) => name.endsWith(end));
    if (!ends(".gguf") || ends(".safetensors")) return undefined;
    const opened = await openGgufIn(source, undefined, tell);
    try {
      const weights = ggufWeights(opened);
      const tensors = new Map([...weights.tensors].map(([name, info]) => [name, { ...info, blocks: blocksOf(info) }]));
      return { ...weights, tensors, dtypes: GGML_FORMATS.slice(3), choose: blockFormats };
    } catch (error) {
      await opened.close();
      throw error;
    }
  },
};
