import { type Int4Layout, int4Nibble } from "../../quant/int4/index.ts";
import { GROUP, groupsOf, type PackedMatrix, ROWS } from "../../quant/packed-matrix.ts";
import { q4Block, q4Nibble } from "../../quant/q4.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * The nibbles of a q4 or q4z matrix [N, C] from src, i32 [n, …]: n rows, from row `at` on, of the tensor of words in which a checkpoint has the
 * weights; kept bit for bit. src/quant/int4 draws the layouts. Scales and zero points are left as they are.
 *
 * With `places`, i32 [C], input i of the file is input places[i] of the matrix. Outputs past the last of their block of 8 get n = 8, and in the
 * layout "pack-quantized" so do inputs past the file's last word.
 */
export function repackInt4(matrix: PackedMatrix, layout: Int4Layout, at: number, src: Tensor, places?: Tensor): void {
  const { rows: N, cols: C, arena } = matrix;
  const words = src.data;
  const bytes = new Uint8Array(arena.buffer);
  const n = src.shape[0];
  const put = (row: number, input: number, nibble: number) => {
    const { byte, shift } = q4Nibble(row % ROWS, input % GROUP);
    const to = q4Block(matrix, row, Math.floor(input / GROUP)) + byte;
    bytes[to] = (bytes[to] & (0xf0 >> shift)) | (nibble << shift);
  };
  const place = (i: number) => (places ? places.data[i] : i);
  if (layout === "pack-quantized") {
    for (let i = 0; i < Math.ceil(n / ROWS) * ROWS; i++) {
      for (let c = 0; c < C; c++) put(at + i, place(c), i < n ? int4Nibble(layout, words, [n, C], i, c) : 8);
      for (let c = C; c < groupsOf(C) * GROUP; c++) {
        const inWord = c < Math.ceil(C / 8) * 8;
        put(at + i, c, inWord && i < n ? int4Nibble(layout, words, [n, C], i, c) : 8);
      }
    }
    return;
  }
  const [first, count] = layout === "gptq" ? [8 * at, 8 * n] : [at, n];
  for (let row = 0; row < N; row++) {
    for (let i = 0; i < count; i++) put(row, place(first + i), int4Nibble(layout, words, [N, C], row, i));
  }
}
