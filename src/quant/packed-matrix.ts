import { ShapeError } from "../errors.ts";
import type { Arena } from "../tensor/arena.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Formats in which kernels read weights:
 * - `f32`: row-major float32, as checkpoints mean it.
 * - `q8`: groups of 32 along the input, int8 times an f16 scale (8.5 bits a weight); layout in q8.ts.
 * - `q4`: groups of 32 along the input, (nibble - 8) times an f16 scale (4.5 bits a weight); layout in q4.ts.
 * - `q4z`: q4 with a zero point for each group, (nibble - zero) times an f16 scale (4.75 bits a weight); layout in q4z.ts.
 */
export type WeightFormat = "f32" | "q8" | "q4" | "q4z";

/** Weights that share one scale: 32 neighbours along the input dimension. */
export const GROUP = 32;

/** Output rows that all but f32 interleave, so that a SIMD lane is a row. */
export const ROWS = 8;

/** Groups in a row of `cols` weights; the last one is padded with weights of value 0. */
export const groupsOf = (cols: number): number => Math.ceil(cols / GROUP);

/** Bytes of one block of 8 rows × 32 weights: 8 f16 scales, then the weights. */
export const BLOCK_BYTES = { q4: 16 + 128, q8: 16 + 256, q4z: 16 + 128 } as const;

/** Bytes of 8 rows of `cols` weights: their blocks one after the other, and of q4z the zero points behind them. */
export function rowGroupBytes(format: Exclude<WeightFormat, "f32">, cols: number): number {
  const groups = groupsOf(cols);
  const zeros = format === "q4z" ? Math.ceil((ROWS * groups) / 16) * 16 : 0;
  return groups * BLOCK_BYTES[format] + zeros;
}

/** Bytes of a matrix [rows, cols] in `format`, padding included (rows to a multiple of 8, cols to a multiple of 32; f32 has none). */
export function packedBytes(format: WeightFormat, rows: number, cols: number): number {
  if (format === "f32") return rows * cols * 4;
  return Math.ceil(rows / ROWS) * rowGroupBytes(format, cols);
}

/** A weight matrix [N, C] (rows: outputs, cols: inputs) placed in an arena in a kernel format. */
export interface PackedMatrix {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  readonly arena: Arena;
  /** Byte offset in `arena.buffer`, a multiple of 64. */
  readonly ptr: number;
  /** As {@link packedBytes} says. */
  readonly byteLength: number;
  /** i32 [C], where columns lie in an order of their own: column c is for input order[c], and `linear` takes inputs that `permute` has put so. */
  readonly order?: Tensor;
}

/**
 * Takes room for a matrix in `arena`; its weights are written by the kernels `packRows`, `repackRows` and `repackInt4`.
 * @throws ShapeError for another format or sizes that are no whole numbers, MemoryError if the arena is full
 */
export function allocMatrix(arena: Arena, format: WeightFormat, rows: number, cols: number): PackedMatrix {
  const whole = (n: number) => Number.isSafeInteger(n) && n >= 0;
  if (!(["f32", "q8", "q4", "q4z"].includes(format) && whole(rows) && whole(cols))) {
    const got = `${format} [${rows}, ${cols}]`;
    throw new ShapeError({ what: "a weight matrix", got, expected: "f32, q8, q4 or q4z and two whole numbers" });
  }
  const byteLength = packedBytes(format, rows, cols);
  return { format, rows, cols, arena, ptr: arena.alloc(byteLength), byteLength };
}
