import { dequantizeRow } from "../../quant/dequantize.ts";
import type { PackedMatrix } from "../../quant/packed-matrix.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** out[n, C] = rows `row` … `row + n - 1` of the matrix [N, C] as float32: integer · scale for q4 and q8, which is exact. */
export function unpackRows(out: Tensor, matrix: PackedMatrix, row: number): void {
  const C = matrix.cols;
  const n = out.shape[0];
  const o = out.f32;
  for (let i = 0; i < n; i++) dequantizeRow(o.subarray(i * C, (i + 1) * C), matrix, row + i);
}
