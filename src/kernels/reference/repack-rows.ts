import { IQ4_VALUES } from "../../quant/ggml/iq4_nl.ts";
import { fiveBits } from "../../quant/ggml/q5_0.ts";
import { repackK } from "../../quant/k-repack.ts";
import { GROUP, groupsOf, isKFormat, type PackedMatrix, ROWS } from "../../quant/packed-matrix.ts";
import { writeQ4Group } from "../../quant/q4.ts";
import { writeQ8Group } from "../../quant/q8.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * Rows `row` … of the matrix [N, C] from src, u8 [n, G · block bytes]: rows of ggml blocks of 32 weights, kept bit for bit.
 *
 *     Q4_0, 18 bytes:  f16 scale | 16 bytes: byte j = n[j] + 16 · n[j + 16]       weight = (n - 8) · scale
 *     Q8_0, 34 bytes:  f16 scale | 32 int8: q[0] … q[31]                          weight = q · scale
 *
 *     Q5_0, 22 bytes, IQ4_NL, 18 bytes: quant/ggml/q5_0.ts, iq4_nl.ts               into q8, whose int8 hold n - 16, or the value
 *
 * Into q8 the kind of block is told by the bytes of a row. K-formats take blocks of 256: quant/k-repack.ts.
 * Rows past the last of the last block get scale 0. What a file has past C in its last group is taken as it is (files have C % 32 = 0).
 * Source: block_q4_0, block_q8_0 and their dequantization in ggml (ggml-common.h, ggml-quants.c).
 */
export function repackRows(matrix: PackedMatrix, row: number, src: Tensor): boolean {
  const { format, cols } = matrix;
  const [rows, stride] = src.shape;
  const data = src.data as Uint8Array; // [n, G · block bytes]
  if (isKFormat(format)) {
    repackK(matrix, row, data, rows);
    return false;
  }
  const G = groupsOf(cols);
  const weights = new Int8Array(GROUP);
  let finite = true;
  for (let i = 0; i < Math.ceil(rows / ROWS) * ROWS; i++) {
    for (let g = 0; g < G; g++) {
      const at = i * stride + g * (stride / G);
      const scale = i < rows ? data[at] | (data[at + 1] << 8) : 0;
      finite &&= (scale & 0x7c00) !== 0x7c00;
      for (let k = 0; k < GROUP; k++) {
        if (format === "q8") weights[k] = i < rows ? int8Of(stride / G, data, at, k) : 0;
        else weights[k] = i < rows ? (data[at + 2 + (k & 15)] >> (k & 16 ? 4 : 0)) & 15 : 8;
      }
      if (format === "q8") writeQ8Group(matrix, row + i, g, weights, scale);
      else writeQ4Group(matrix, row + i, g, weights, scale);
    }
  }
  return finite;
}

/** Weight k of the block of `size` bytes at byte `at`, as int8. */
function int8Of(size: number, data: Uint8Array, at: number, k: number): number {
  if (size === 34) return data[at + 2 + k];
  if (size === 22) return fiveBits(data, at + 2, k) - 16;
  return IQ4_VALUES[(data[at + 2 + (k & 15)] >> (k & 16 ? 4 : 0)) & 15];
}
