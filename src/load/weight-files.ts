import type { Notice } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { foreignAmong } from "../formats/foreign.ts";
import { ggufWeights } from "../formats/gguf/checkpoint/weights.ts";
import { openGgufIn } from "../formats/gguf/open.ts";
import { bytesToFloat32 } from "../formats/safetensors/float32.ts";
import { DTYPE_BYTES, type SafetensorsDType } from "../formats/safetensors/index.ts";
import { openSafetensorsIn } from "../formats/safetensors/open.ts";
import { dequantizeGgml, type GgmlFormat } from "../quant/ggml/index.ts";
import type { Source } from "../source/source.ts";

/** One tensor of a checkpoint, whatever holds it. */
export interface WeightTensor {
  readonly name: string;
  /** As the container names it: of safetensors "F32", "BF16", "U8" …, of GGUF "F16", "Q4_K" … */
  readonly dtype: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** The file in which it lies, and the byte at which it begins there. */
  readonly file: string;
  readonly offset: number;
}

/** The weights of a checkpoint by Hugging Face's names, whatever holds them: what loading needs of a container. */
export interface WeightFiles {
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Fills `into` with the bytes of a tensor from its byte `offset` on. */
  readInto(name: string, offset: number, into: Uint8Array): Promise<Uint8Array>;
  /** A tensor as float32. */
  toFloat32(name: string): Promise<Float32Array>;
  close(): Promise<void>;
  /** What holds them; absent: safetensors. */
  readonly container?: "gguf";
  /** Weights that are not among the tensors for a fault that was told of already. */
  readonly faulty?: ReadonlySet<string>;
  /** What their user should know. */
  readonly notices?: readonly Notice[];
}

/**
 * Opens the weights of a checkpoint's folder: its safetensors or, where a folder that lists its files has none of these, its GGUF files.
 * @param tell of each damaged file of several
 * @throws SourceError (code "foreign" for weights that are held in another way, which it names), FormatError, ConfigError
 */
export async function openWeights(source: Source, tell: Tell = throwIt): Promise<WeightFiles> {
  const names = (await source.list?.()) ?? [];
  const ends = (end: string) => names.some((name) => name.endsWith(end));
  const foreign = ends(".gguf") || ends(".safetensors") ? undefined : foreignAmong(names);
  if (foreign) throw foreign;
  if (!ends(".gguf") || ends(".safetensors")) return openSafetensorsIn(source, tell);
  const gguf = await openGgufIn(source, undefined, tell);
  try {
    return ggufWeights(gguf);
  } catch (error) {
    await gguf.close();
    throw error;
  }
}

/** Whole elements or blocks of a tensor as float32 [out.length]. @param dtype one that `checkWeights` has let pass */
export function toFloats(dtype: string, bytes: Uint8Array, out: Float32Array<ArrayBuffer>): void {
  if (Object.hasOwn(DTYPE_BYTES, dtype)) bytesToFloat32(dtype as SafetensorsDType, bytes, out);
  else dequantizeGgml(dtype as GgmlFormat, bytes, out);
}
