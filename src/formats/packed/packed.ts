import { FormatError } from "../../errors.ts";
import { checkRange, notFound } from "../../source/range.ts";
import type { Source, SourceFile } from "../../source/source.ts";
import type { TensorInfo } from "../safetensors/index.ts";
import { openSafetensorsIn } from "../safetensors/open.ts";

/**
 * A packed file: a whole checkpoint in one safetensors file, its matrices as kernels read them (docs/format.md says it byte by byte).
 *
 *     __metadata__   "phi-ts.packed": the version of this format, and notes on how the file was made
 *     files/NAME     U8 [bytes]: config.json, tokenizer.json … as they stood beside the weights
 *     norms          under their published names, F32 with the shape as published
 *     matrices       under their published names, U8 [ceil(N / 8), ceil(C / 32), 144 (q4) or 272 (q8)]: the blocks of quant/q4.ts and quant/q8.ts
 */
export const PACKED_KEY = "phi-ts.packed";
export const PACKED_VERSION = "1";
export const PACKED_FILES = "files/";

/** What a checkpoint's weights are called where no other name is known. */
const WEIGHTS = "model.safetensors";

/** Files of a checkpoint that go into a packed file, where they are there: what `loadPhi` reads, and the licence. */
export const CARRIED = [
  ...["config.json", "generation_config.json", "tokenizer.json", "tokenizer.json.gz", "tokenizer_config.json"],
  ...["cl100k_base.tiktoken", "chat_template.jinja", "LICENSE"],
] as const;

/**
 * The folder that a packed file stands for: the files in it, and the packed file itself as model.safetensors.
 * @param file its name; without one a folder whose names are known is looked at, if it has no config.json and one file *.safetensors
 * @returns undefined if there is no such file, or if it is no packed one
 * @throws FormatError (code "packed_version") for a version that is not known, and for what is wrong in the file's header; SourceError
 */
export async function openPacked(source: Source, file?: string): Promise<Source | undefined> {
  const name = file ?? (await onlyWeights(source));
  if (name === undefined || /\.(json|jinja|gz|gguf|tiktoken)$/.test(name)) return undefined;
  const opened = await openSafetensorsIn(source, name);
  await opened.close();
  const version = opened.metadata[PACKED_KEY];
  if (version === undefined) return undefined;
  if (version !== PACKED_VERSION) {
    const what = "a packed file of another version: it needs another version of phi-ts";
    throw new FormatError({ what, file: name, got: version, expected: PACKED_VERSION }, "packed_version");
  }
  const carried = new Map<string, TensorInfo>();
  for (const info of opened.tensors.values()) {
    if (info.name.startsWith(PACKED_FILES) && info.dtype === "U8" && info.shape.length === 1)
      carried.set(info.name.slice(PACKED_FILES.length), info);
  }
  const names = [...carried.keys(), WEIGHTS];
  return {
    list: async () => names,
    async open(wanted, options) {
      if (wanted === WEIGHTS) return source.open(name, options);
      const info = carried.get(wanted);
      if (!info) throw notFound(wanted, names);
      return part(await source.open(name, options), wanted, info);
    },
  };
}

/** The only *.safetensors of a folder that has no config.json. */
async function onlyWeights(source: Source): Promise<string | undefined> {
  const names = await source.list?.();
  if (!names) return undefined;
  const weights = names.filter((n) => n.endsWith(".safetensors"));
  return !names.includes("config.json") && weights.length === 1 ? weights[0] : undefined;
}

/** The bytes of one tensor as a file. */
function part(whole: SourceFile, name: string, { offset: start, byteLength: size }: TensorInfo): SourceFile {
  return {
    size,
    read: (offset, length, into) => whole.read(start + offset, length, checkRange(name, size, offset, length, into)),
    async close() {
      await whole.close?.();
    },
  };
}
