import { ShapeError } from "../errors.ts";
import type { Arena } from "../tensor/arena.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Formats in which kernels read weights:
 * - `f32`: row-major float32, as checkpoints mean it.
 * - `q8`: groups of 32 along the input, int8 times an f16 scale (8.5 bits a weight); layout in q8.ts.
 * - `q4`: groups of 32 along the input, (nibble - 8) times an f16 scale (4.5 bits a weight); layout in q4.ts.
 * - `q4z`: q4 with a zero point for each group, (nibble - zero) times an f16 scale (4.75 bits a weight); layout in q4z.ts.
 * - the K-formats: what blocks of GGUF files hold beside these, with scales of 16 or 32 neighbours in one or two steps, and minima (4.6 to 7 bits
 *   a weight); layouts in k-formats.ts.
 */
export type WeightFormat = PackFormat | "q4z" | KFormat;

/** Formats that float weights can be packed into. */
export type PackFormat = "f32" | "q8" | "q4";

/** Formats that weights are only ever moved into, out of a file that has them so. */
export type KFormat = keyof typeof K_LAYOUT;

/** Weights that share one scale: 32 neighbours along the input dimension. */
export const GROUP = 32;

/** Output rows that all but f32 interleave, so that a SIMD lane is a row. */
export const ROWS = 8;

/** Groups in a row of `cols` weights; the last one is padded with weights of value 0. */
export const groupsOf = (cols: number): number => Math.ceil(cols / GROUP);

/** Bytes of one block of 8 rows × 32 weights: 8 f16 scales, then the weights; q4z has 8 zero points before them. */
export const BLOCK_BYTES = { q4: 16 + 128, q8: 16 + 256, q4z: 8 + 16 + 128 } as const;

/** Where in a block its scales are. */
export const SCALES_AT = { q4: 0, q8: 0, q4z: 8 } as const;

/**
 * K-formats: inputs of a block (`span`), bytes before its groups of 32 inputs (`head`), of the scales of 8 rows before each group's weights (`scales`), `bits`
 * of a weight, and bytes of the blocks of ggml that it holds.
 */
export const K_LAYOUT = {
  q4k: { span: 256, head: 64, scales: 16, bits: 4, blocks: [144] },
  q5k: { span: 256, head: 64, scales: 16, bits: 6, blocks: [176] },
  q6k: { span: 256, head: 32, scales: 16, bits: 6, blocks: [210, 110] },
  q2k: { span: 256, head: 64, scales: 16, bits: 4, blocks: [84] },
  q4x: { span: 256, head: 32, scales: 16, bits: 4, blocks: [136] },
  q4m: { span: 32, head: 0, scales: 32, bits: 4, blocks: [20] },
  q5m: { span: 32, head: 0, scales: 32, bits: 6, blocks: [24] },
} as const;

export const isKFormat = (format: WeightFormat): format is KFormat => Object.hasOwn(K_LAYOUT, format);

/** Bytes of 8 rows × 32 weights in a K-format, their scales included. */
export const kGroupBytes = (format: KFormat): number => K_LAYOUT[format].scales + 32 * K_LAYOUT[format].bits;

/** Bytes of a block of 8 rows in a K-format. */
export const kBlockBytes = (format: KFormat): number =>
  K_LAYOUT[format].head + (K_LAYOUT[format].span / GROUP) * kGroupBytes(format);

/** Bytes of 8 rows of `cols` weights: their blocks one after the other. */
export function rowGroupBytes(format: Exclude<WeightFormat, "f32">, cols: number): number {
  if (isKFormat(format)) return Math.ceil(cols / K_LAYOUT[format].span) * kBlockBytes(format);
  return groupsOf(cols) * BLOCK_BYTES[format];
}

/** Bytes of a matrix [rows, cols] in `format`, padding included (rows to a multiple of 8, cols to a multiple of 32; f32 has none, and K-formats have whole blocks). */
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
  /**
   * Where rows have several formats: the matrices whose rows they are, one after the other, each of a multiple of 8. `format` is then that of the most
   * weights. Only `linear` reads such a matrix as a whole.
   */
  readonly slices?: readonly PackedMatrix[];
}

/** Rows of a matrix that have one format. */
export interface Slice {
  readonly format: WeightFormat;
  readonly rows: number;
}

/** Calls `each` for the matrix, or for its slices, with the row at which they begin. */
export function eachSlice(matrix: PackedMatrix, each: (slice: PackedMatrix, row: number) => void): void {
  let row = 0;
  for (const slice of matrix.slices ?? [matrix]) {
    each(slice, row);
    row += slice.rows;
  }
}

/**
 * Takes room for a matrix whose rows have several formats.
 * @throws as {@link allocMatrix}
 */
export function allocSlices(arena: Arena, parts: readonly Slice[], cols: number): PackedMatrix {
  const slices = parts.map(({ format, rows }) => allocMatrix(arena, format, rows, cols));
  const most = slices.reduce((a, b) => (b.rows > a.rows ? b : a));
  const sum = (of: (slice: PackedMatrix) => number) => slices.reduce((n, slice) => n + of(slice), 0);
  const [rows, byteLength] = [sum((s) => s.rows), sum((s) => s.byteLength)];
  return { format: most.format, rows, cols, arena, ptr: slices[0].ptr, byteLength, slices };
}

/**
 * Takes room for a matrix in `arena`; its weights are written by the kernels `packRows`, `repackRows` and `repackInt4`.
 * @throws ShapeError for another format or sizes that are no whole numbers, MemoryError if the arena is full
 */
export function allocMatrix(arena: Arena, format: WeightFormat, rows: number, cols: number): PackedMatrix {
  const whole = (n: number) => Number.isSafeInteger(n) && n >= 0;
  const known =
    ["f32", "q8", "q4", "q4z"].includes(format) || (isKFormat(format) && cols % K_LAYOUT[format].span === 0);
  if (!(known && whole(rows) && whole(cols))) {
    const got = `${format} [${rows}, ${cols}]`;
    const expected =
      "f32, q8, q4 or q4z and two whole numbers; q4m and q5m with a multiple of 32 columns, the other K-formats of 256";
    throw new ShapeError({ what: "a weight matrix", got, expected });
  }
  const byteLength = packedBytes(format, rows, cols);
  return { format, rows, cols, arena, ptr: arena.alloc(byteLength), byteLength };
}
