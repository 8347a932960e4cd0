import { GROUP, groupsOf, type PackedMatrix, ROWS } from "../../quant/packed-matrix.ts";
import { writeQ4Group } from "../../quant/q4.ts";
import { writeQ8Group } from "../../quant/q8.ts";
import { quantizeQ4 } from "../../quant/quantize-q4.ts";
import { quantizeQ8 } from "../../quant/quantize-q8.ts";
import { toF32 } from "../../tensor/convert.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * Rows `row` … of the matrix [N, C] from src [n, C] (f32, f16 or bf16).
 *
 * f32 matrix: the same numbers, exact. q8, q4: each group of 32 as quantizeQ8 and quantizeQ4 define, laid out as q8.ts and q4.ts draw;
 * inputs past C count as 0, rows past the last of the last block get scale 0. All implementations write the same bytes.
 */
export function packRows(matrix: PackedMatrix, row: number, src: Tensor): void {
  const { format, cols: C, arena } = matrix;
  const rows = src.shape[0];
  const data = src.data;
  if (format === "f32") {
    toF32(src.dtype, data, new Float32Array(arena.buffer, matrix.ptr + row * C * 4, rows * C));
    return;
  }
  const weights = new Float32Array(GROUP);
  const nibbles = new Uint8Array(GROUP);
  const integers = new Int8Array(GROUP);
  for (let i = 0; i < Math.ceil(rows / ROWS) * ROWS; i++) {
    for (let g = 0; g < groupsOf(C); g++) {
      weights.fill(0);
      if (i < rows) toF32(src.dtype, data.subarray(i * C + g * GROUP, i * C + Math.min(C, (g + 1) * GROUP)), weights);
      if (format === "q4") {
        const scale = quantizeQ4(weights, nibbles);
        writeQ4Group(matrix, row + i, g, nibbles, scale);
      } else {
        const scale = quantizeQ8(weights, integers);
        writeQ8Group(matrix, row + i, g, integers, scale);
      }
    }
  }
}
