import { storeTransposed } from "./lanes";
import { Q4 } from "./layout";
import { repackK } from "./repack-k";

/** Rows of a file's blocks, of `size` bytes each, into blocks of 8 rows. @param scratch what repackK takes */
export function repackRows(out: usize, src: usize, format: i32, size: i32, rows: i32, blocks: i32, scratch: usize): void {
  if (format == Q4) repackQ4(out, src, rows, blocks);
  else if (size == 34) repackQ8(out, src, rows, blocks);
  else repackK(out, src, format, size, rows, blocks, scratch);
}

/**
 * Rows of ggml's Q4_0 blocks (18 bytes) into q4 blocks of 8 rows, bit for bit.
 *
 *   file, one row:   | f16 | byte j: n[j] low, n[j+16] high, j = 0 … 15 |
 *   low half         a = | n0-3 | n4-7 | n8-11 | n12-15 |, a byte each; likewise the high half b = n16 … n31
 *   two fours        | n0-3, n4-7 | - | n8-11, n12-15 | - |: second four into the high nibbles (as in pack-q4.ts)
 *   one vector       | n0-7 | n8-15 | n16-23 | n24-31 | of a and b, 4 rows of which are transposed: a lane is a row
 *
 * Alignment: out 16 bytes, src none. Absent rows: n = 8, scale 0.
 */
function repackQ4(out: usize, src: usize, rows: i32, groups: i32): void {
  const stride = <usize>groups * 18;
  for (; rows > 0; rows -= 8, src += 8 * stride) {
    for (let g: usize = 0; g < <usize>groups; g++, out += 144) {
      const at = src + g * 18;
      for (let r = 0; r < 8; r++) store<u16>(out + 2 * <usize>r, r < rows ? load<u16>(at + <usize>r * stride) : 0);
      for (let r = 0; r < 8; r += 4) {
        storeTransposed(
          out + 16 + 4 * <usize>r,
          32,
          nibbles(at, stride, r, rows),
          nibbles(at, stride, r + 1, rows),
          nibbles(at, stride, r + 2, rows),
          nibbles(at, stride, r + 3, rows),
        );
      }
    }
  }
}

/** The 32 nibbles of row r's block: | k 0-7 | 8-15 | 16-23 | 24-31 |, each as a lane of the layout. */
// @ts-ignore: decorator
@inline
function nibbles(at: usize, stride: usize, r: i32, rows: i32): v128 {
  if (r >= rows) return i32x4.splat(0x88888888);
  const file = v128.load(at + <usize>r * stride, 2);
  const mask = i8x16.splat(15);
  const a = v128.and(file, mask);
  const b = v128.and(i16x8.shr_u(file, 4), mask);
  return v128.shuffle<i32>(v128.or(a, i64x2.shr_u(a, 28)), v128.or(b, i64x2.shr_u(b, 28)), 0, 2, 4, 6);
}

/**
 * Rows of ggml's Q8_0 blocks (34 bytes: f16, 32 int8) into q8 blocks of 8 rows, bit for bit: 4 rows × 4 chunks of 4 neighbours are
 * transposed, so that a lane is a row. Alignment: out 16 bytes, src none. Absent rows: q = 0, scale 0.
 */
function repackQ8(out: usize, src: usize, rows: i32, groups: i32): void {
  const stride = <usize>groups * 34;
  for (; rows > 0; rows -= 8, src += 8 * stride) {
    for (let g: usize = 0; g < <usize>groups; g++, out += 272) {
      const at = src + g * 34;
      for (let r = 0; r < 8; r++) store<u16>(out + 2 * <usize>r, r < rows ? load<u16>(at + <usize>r * stride) : 0);
      for (let r = 0; r < 8; r += 4) {
        for (let k: usize = 0; k < 32; k += 16) {
          storeTransposed(
            out + 16 + 4 * <usize>r + 8 * k,
            32,
            bytes(at + k, stride, r, rows),
            bytes(at + k, stride, r + 1, rows),
            bytes(at + k, stride, r + 2, rows),
            bytes(at + k, stride, r + 3, rows),
          );
        }
      }
    }
  }
}

/** Sixteen int8 of row r's block. */
// @ts-ignore: decorator
@inline
function bytes(at: usize, stride: usize, r: i32, rows: i32): v128 {
  return r < rows ? v128.load(at + <usize>r * stride, 2) : i32x4.splat(0);
}
