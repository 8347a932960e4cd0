import { ggufWeights } from "../formats/gguf/checkpoint/weights.ts";
import { openGgufIn } from "../formats/gguf/open.ts";
import { REST } from "../kernels/rest.ts";
import { GGML_FORMATS } from "../quant/ggml/index.ts";
import { blockFormats, blocksOf } from "./block-formats.ts";
import type { FileFormat } from "./file-format.ts";

/** Whether GGUF files are the weights of a folder with files of these names: its config.json and tokenizer are made of their metadata then. */
const holdsOnlyGguf = (names: readonly string[]): boolean =>
  names.some((name) => name.endsWith(".gguf")) && !names.some((name) => name.endsWith(".safetensors"));

/** The weights of GGUF files, in a folder that lists its files and has no safetensors among them. */
export const ggufFiles: FileFormat = {
  name: "gguf",
  madeOf: (names) =>
    holdsOnlyGguf(names) ? `the metadata of ${names.find((name) => name.endsWith(".gguf"))}` : undefined,
  kernels: REST,
  async open(source, names, tell) {
    if (!holdsOnlyGguf(names)) return undefined;
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
