import { f16ToF32 } from "../tensor/convert.ts";
import { readKRow } from "./k-formats.ts";
import { GROUP, groupsOf, isKFormat, type PackedMatrix, ROWS } from "./packed-matrix.ts";
import { q4Block, readQ4 } from "./q4.ts";
import { readZero } from "./q4z.ts";
import { q8Block, readQ8 } from "./q8.ts";

/** One row of a matrix of another format than f32 as integers and scales: weight k = q[k] · scale[floor(k / 32)], exactly. */
export interface QuantizedRow {
  /** [32 G]: int8 for q8, nibble - 8 for q4, nibble - zero for q4z; padding inputs are 0 but for q4z. */
  readonly q: Int8Array;
  /** [G]: the f16 scales as float32. */
  readonly scale: Float32Array;
}

/** Room for a row of `matrix`. */
export function allocRow(matrix: PackedMatrix): QuantizedRow {
  const groups = groupsOf(matrix.cols);
  return { q: new Int8Array(groups * GROUP), scale: new Float32Array(groups) };
}

/** Row `row` (of a matrix of another format than f32) as integers and scales, into `into`. */
export function readRow({ q, scale }: QuantizedRow, matrix: PackedMatrix, row: number): void {
  const bytes = new Uint8Array(matrix.arena.buffer);
  const r = row % ROWS;
  if (matrix.format === "q8") {
    for (let g = 0; g < scale.length; g++) {
      scale[g] = f16ToF32(readQ8(q, g * GROUP, bytes, q8Block(matrix, row, g), r));
    }
  } else {
    for (let g = 0; g < scale.length; g++) {
      scale[g] = f16ToF32(readQ4(q, g * GROUP, bytes, q4Block(matrix, row, g), r));
      const zero = matrix.format === "q4z" ? readZero(matrix, row, g) : 8;
      for (let k = g * GROUP; k < (g + 1) * GROUP; k++) q[k] -= zero;
    }
  }
}

/**
 * Row `row` of a matrix of any format as float32 [C], into `out`. Exact for finite scales: at most 8 bits times the 11 of an f16 fit a
 * float32's 24; in K-formats with minima the subtraction rounds once, as in ggml. A scale of infinity or NaN gives what float32 gives (0 · ∞ is NaN).
 */
export function dequantizeRow(out: Float32Array, matrix: PackedMatrix, row: number): void {
  const C = matrix.cols;
  if (matrix.format === "f32") {
    out.set(new Float32Array(matrix.arena.buffer, matrix.ptr + row * C * 4, C));
    return;
  }
  if (isKFormat(matrix.format)) {
    const { n, scale, min } = readKRow(matrix, row);
    for (let k = 0; k < C; k++) out[k] = scale[k >> 4] * n[k] - min[k >> 4];
    return;
  }
  const weights = allocRow(matrix);
  const { q, scale } = weights;
  readRow(weights, matrix, row);
  for (let k = 0; k < C; k++) out[k] = q[k] * scale[Math.floor(k / GROUP)];
}
