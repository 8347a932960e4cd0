import type { Notice } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { bytesToFloat32 } from "../formats/safetensors/float32.ts";
import type { SafetensorsDType } from "../formats/safetensors/index.ts";
import { openSafetensorsIn } from "../formats/safetensors/open.ts";
import type { WeightSpec } from "../model/weights.ts";
import type { WeightFormat } from "../quant/packed-matrix.ts";
import type { Source } from "../source/source.ts";
import type { DType } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import type { Slot } from "./allocate.ts";
import type { FileFormat } from "./file-format.ts";
import type { Block } from "./fill.ts";
import type { ChosenFormats, WantedFormats } from "./formats.ts";

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
  /** What its dtype means, where that is blocks of several weights, of a format that the kernels may hold as they are. */
  readonly blocks?: TensorBlocks;
  /**
   * Reads it into its matrix, where it is put together of several tensors.
   * @param staged blocks that went through the scratch before these
   * @returns the same with these
   */
  readonly fill?: (slot: Slot, staged: number) => Generator<Block, number>;
}

/** Blocks of neighbours along a row, which a container's own format defines. */
export interface TensorBlocks {
  /** The kernel format that holds them bit for bit, by way of `repackRows`; undefined: none. */
  readonly exact?: WeightFormat;
  /** Whole blocks as float32 [out.length]. */
  toFloats(bytes: Uint8Array, out: Float32Array): void;
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
  /** Dtypes that are built beside floats, for messages. */
  readonly dtypes?: readonly string[];
  /**
   * What matrices are in memory where the files decide. @param files these, as they are by then
   * @returns undefined where they do not
   */
  readonly choose?: (
    files: WeightFiles,
    specs: readonly WeightSpec[],
    wanted: WantedFormats,
  ) => ChosenFormats | undefined;
}

/** Which dtypes of a file weights may have as numbers, and what they are in memory. */
export const READABLE: Readonly<Record<string, DType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/**
 * Opens the weights of a checkpoint's folder: as one of `formats` does, and else its safetensors.
 * @param tell of each damaged file of several
 * @throws SourceError, FormatError, ConfigError
 */
export async function openWeights(
  source: Source,
  formats: readonly FileFormat[],
  tell: Tell = throwIt,
): Promise<WeightFiles> {
  const names = (await source.list?.()) ?? [];
  for (const { open } of formats) {
    const files = await open?.(source, names, tell);
    if (files) return files;
  }
  return openSafetensorsIn(source, undefined, tell);
}

/** Rows `row` … row + n - 1 of a tensor of numbers, as float32 [n · the rest of its shape]. */
export async function readRows(
  files: Pick<WeightFiles, "readInto">,
  info: WeightTensor,
  row: number,
  n: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { name, shape, byteLength } = info;
  const rowBytes = byteLength / shape[0];
  const bytes = await files.readInto(name, row * rowBytes, new Uint8Array(n * rowBytes));
  const values = new Float32Array(n * (sizeOf(shape) / shape[0]));
  toFloats(info, bytes, values);
  return values;
}

/** Whole elements or blocks of a tensor as float32 [out.length]. @param info one that `checkWeights` has let pass */
export function toFloats(
  { blocks, dtype }: Pick<WeightTensor, "blocks" | "dtype">,
  bytes: Uint8Array,
  out: Float32Array<ArrayBuffer>,
): void {
  if (blocks) blocks.toFloats(bytes, out);
  else bytesToFloat32(dtype as SafetensorsDType, bytes, out);
}
