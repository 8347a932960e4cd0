import { storeTransposed } from "./lanes";
import { blockBytes, Q4 } from "./layout";
import { repackK } from "./repack-k";

/**
 * Rows of a file's blocks, of `size` bytes each, into blocks of 8 rows. @param scratch what repackK takes, and at least 272 bytes
 * @returns 0 if every scale is finite; 1 if one is not, or where nobody has looked
 */
export function repackRows(out: usize, src: usize, format: i32, size: i32, rows: i32, blocks: i32, scratch: usize): i32 {
  if (format == Q4) return repackPlain<u8>(out, src, rows, blocks, scratch);
  if (size == 34) return repackPlain<i8>(out, src, rows, blocks, scratch);
  repackK(out, src, format, size, rows, blocks, scratch);
  return 1;
}

/** Bytes of a block of the file: Q4_0's (u8) or Q8_0's (i8), an f16 scale and then the weights. */
// @ts-ignore: decorator
@inline
function fileBytes<W>(): usize {
  return isSigned<W>() ? 34 : 18;
}

/** Of an f16 the exponent, which is all ones in what is not finite. */
const EXPONENT = memory.data<u16>([0x7c00, 0x7c00, 0x7c00, 0x7c00, 0x7c00, 0x7c00, 0x7c00, 0x7c00], 16);
const LOW = memory.data<u8>([15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], 16);

/**
 * Rows of ggml's Q4_0 or Q8_0 blocks into q4 or q8 blocks of 8 rows, bit for bit. Alignment: out 16 bytes, src none. Absent rows: weights 0, scale 0.
 * @returns 1 if a scale is not finite
 */
function repackPlain<W>(out: usize, src: usize, rows: i32, groups: i32, scratch: usize): i32 {
  const stride = <usize>groups * fileBytes<W>();
  const exponent = v128.load(EXPONENT);
  const low = v128.load(LOW);
  let wrong = i32x4.splat(0);
  for (; rows >= 8; rows -= 8, src += 7 * stride) {
    let next = rows >= 16 ? src + 8 * stride : src;
    for (const end = src + stride; src < end; src += fileBytes<W>(), out += blockBytes<W>(), next += 8 * fileBytes<W>()) {
      touch<W>(next);
      const scales = repackBlock<W>(out, src, stride, low);
      wrong = v128.or(wrong, i16x8.eq(v128.and(scales, exponent), exponent));
    }
  }
  let found = i32(v128.any_true(wrong));
  if (rows <= 0) return found;
  // Fewer than 8 rows: a block of each, with what stands for absent ones behind them, by way of the scratch.
  for (const end = src + stride; src < end; src += fileBytes<W>(), out += blockBytes<W>()) {
    let to = scratch;
    for (let r = 0; r < 8; r++) {
      for (let i: usize = 0; i < fileBytes<W>(); i += 2, to += 2) {
        const none: u16 = isSigned<W>() || i === 0 ? 0 : 0x8888;
        store<u16>(to, r < rows ? load<u16>(src + <usize>r * stride + i) : none);
      }
    }
    found |= repackPlain<W>(out, scratch, 8, 1, scratch);
  }
  return found;
}

/**
 * Loads a byte of each cache line of a block's worth of the 8 rows after these: as one stream, which processors fetch ahead. Eight rows are eight
 * streams, each at its end before that has begun to help.
 */
// @ts-ignore: decorator
@inline
function touch<W>(at: usize): void {
  load<u8>(at);
  load<u8>(at, 64);
  load<u8>(at, 128);
  if (isSigned<W>()) {
    load<u8>(at, 192);
    load<u8>(at, 256);
  }
}

/** One block. @returns its scales, f16 [8] */
// @ts-ignore: decorator
@inline
function repackBlock<W>(out: usize, at: usize, stride: usize, low: v128): v128 {
  let scales = v128.load16_lane(at, i16x8.splat(0), 0);
  scales = v128.load16_lane(at + stride, scales, 1);
  scales = v128.load16_lane(at + 2 * stride, scales, 2);
  scales = v128.load16_lane(at + 3 * stride, scales, 3);
  scales = v128.load16_lane(at + 4 * stride, scales, 4);
  scales = v128.load16_lane(at + 5 * stride, scales, 5);
  scales = v128.load16_lane(at + 6 * stride, scales, 6);
  scales = v128.load16_lane(at + 7 * stride, scales, 7);
  v128.store(out, scales);
  if (isSigned<W>()) {
    fourOfInt8(out + 16, at, stride);
    fourOfInt8(out + 32, at + 4 * stride, stride);
  } else {
    fourOfNibbles(out + 16, at, stride, low);
    fourOfNibbles(out + 32, at + 4 * stride, stride, low);
  }
  return scales;
}

/**
 * Four rows of 32 nibbles, f = lane of a row, n of four neighbours:
 *
 *   file, one row   | byte j: n[j] low, n[j+16] high, j = 0 … 15 |, as lanes f0 | f1 | f2 | f3
 *   transposed      f0 of the four rows | f1 of them | f2 | f3
 *   k 0-7           low nibbles of f0, and those of f1 above them;     k 8-15   the same of f2 and f3
 *   k 16-23         high nibbles of f1, and those of f0 below them;    k 24-31  the same of f3 and f2
 */
// @ts-ignore: decorator
@inline
function fourOfNibbles(out: usize, at: usize, stride: usize, low: v128): void {
  const a = v128.load(at, 2);
  const b = v128.load(at + stride, 2);
  const c = v128.load(at + 2 * stride, 2);
  const d = v128.load(at + 3 * stride, 2);
  const ab01 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd01 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  storeEights(out, v128.shuffle<i64>(ab01, cd01, 0, 2), v128.shuffle<i64>(ab01, cd01, 1, 3), low);
  const ab23 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd23 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  storeEights(out + 32, v128.shuffle<i64>(ab23, cd23, 0, 2), v128.shuffle<i64>(ab23, cd23, 1, 3), low);
}

/** Of two vectors of the file the low nibbles to `out`, and the high ones 64 bytes on, each with the first's below the second's. */
// @ts-ignore: decorator
@inline
function storeEights(out: usize, first: v128, second: v128, low: v128): void {
  const up = i32x4.shl(second, 4);
  v128.store(out, v128.xor(v128.and(v128.xor(first, up), low), up));
  v128.store(out, v128.xor(v128.and(v128.xor(i32x4.shr_u(first, 4), second), low), second), 64);
}

/** Four rows of 32 int8, transposed so that a lane is a row: 8 vectors of four neighbours. */
// @ts-ignore: decorator
@inline
function fourOfInt8(out: usize, at: usize, stride: usize): void {
  for (const end = at + 32; at < end; at += 16, out += 128) {
    const b = at + stride;
    const c = b + stride;
    storeTransposed(out, 32, v128.load(at, 2), v128.load(b, 2), v128.load(c, 2), v128.load(c + stride, 2));
  }
}
