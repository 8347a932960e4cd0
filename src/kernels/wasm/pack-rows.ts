import { bytesOf, loadColumns, loadGroup, widenAll } from "./load-rows";
import { packHalfQ4 } from "./pack-q4";
import { packHalfQ8 } from "./pack-q8";

/** f32 matrix: `n` elements from src, converted. */
export function packF32(out: usize, src: usize, n: i32, dtype: i32, scratch: usize): void {
  widenAll(out, src, n, dtype, scratch);
}

/**
 * q4 blocks of 8 rows × 32 columns from row-major src [rows, cols] of `dtype` (0 f32, 1 f16, 2 bf16).
 * Tails: absent rows and columns are zeros. Alignment: out 16 bytes, src 2.
 * @param scratch 2,368 bytes: f32 [2, 32, 4], the search's 256, and what loading takes
 */
export function packQ4(out: usize, src: usize, rows: i32, cols: i32, dtype: i32, scratch: usize): void {
  const size = bytesOf(dtype);
  const stride = <usize>cols * size;
  for (; rows > 0; rows -= 8, src += 8 * stride) {
    for (let c = 0; c < cols; c += 32, out += 144) {
      loadColumns(scratch, src + <usize>c * size, stride, rows, cols - c, dtype, scratch + 1280);
      packHalfQ4(out + 16, out, scratch, scratch + 1024);
      packHalfQ4(out + 32, out + 8, scratch + 512, scratch + 1024);
    }
  }
}

/** The same for q8 blocks. */
export function packQ8(out: usize, src: usize, rows: i32, cols: i32, dtype: i32, scratch: usize): void {
  const size = bytesOf(dtype);
  const stride = <usize>cols * size;
  for (; rows > 0; rows -= 8, src += 8 * stride) {
    for (let c = 0; c < cols; c += 32, out += 272) {
      loadGroup(scratch, src + <usize>c * size, stride, rows, cols - c, dtype, scratch + 1536);
      packHalfQ8(out + 16, out, scratch);
      packHalfQ8(out + 32, out + 8, scratch + 512);
    }
  }
}
