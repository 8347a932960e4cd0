import { f16x4ToF32x4 } from "./f16";
import { storeTransposed } from "./lanes";

/** Element types of source rows; simd.ts passes the same numbers. */
const F32: i32 = 0;
const F16: i32 = 1;
const BF16: i32 = 2;

/** Bytes of one element. */
// @ts-ignore: decorator
@inline
export function bytesOf(dtype: i32): usize {
  return dtype === F32 ? 4 : 2;
}

/** `n` elements, a multiple of 8, at `src` (2-byte aligned) to float32 at `out`. */
// @ts-ignore: decorator
@inline
export function widen(out: usize, src: usize, n: i32, dtype: i32): void {
  const end = out + (<usize>n << 2);
  if (dtype === F32) {
    for (; out < end; out += 32, src += 32) {
      v128.store(out, v128.load(src));
      v128.store(out, v128.load(src, 16), 16);
    }
  } else if (dtype === F16) {
    for (; out < end; out += 32, src += 16) {
      v128.store(out, f16x4ToF32x4(src));
      v128.store(out, f16x4ToF32x4(src + 8), 16);
    }
  } else {
    // bf16: | b0 | b1 | … | b7 | becomes | 0 b0 | 0 b1 | 0 b2 | 0 b3 | and | 0 b4 | … | 0 b7 |
    const zero = i32x4.splat(0);
    for (; out < end; out += 32, src += 16) {
      const b = v128.load(src);
      v128.store(out, v128.shuffle<i16>(zero, b, 0, 8, 0, 9, 0, 10, 0, 11));
      v128.store(out, v128.shuffle<i16>(zero, b, 0, 12, 0, 13, 0, 14, 0, 15), 16);
    }
  }
}

/** The same for any n: a rest of 1 to 7 goes through `rest` (64 bytes), so that nothing past the source is read. */
export function widenAll(out: usize, src: usize, n: i32, dtype: i32, rest: usize): void {
  const even = n & ~7;
  const size = bytesOf(dtype);
  widen(out, src, even, dtype);
  if (even === n) return;
  copyHalves(rest, src + <usize>even * size, <usize>(n - even) * size);
  widen(rest + 32, rest, 8, dtype);
  copyHalves(out + (<usize>even << 2), rest + 32, <usize>(n - even) << 2);
}

/** `bytes` (even) bytes, two at a time. */
function copyHalves(out: usize, src: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 2) store<u16>(out + i, load<u16>(src + i));
}

/**
 * One group of 32 columns of 8 rows, as float32 [8, 32] at `out` (1 KB). Rows past `rows` and columns past `cols` are 0.
 * @param stride bytes from row to row of the source
 * @param rest 64 bytes of scratch
 */
export function loadGroup(out: usize, src: usize, stride: usize, rows: i32, cols: i32, dtype: i32, rest: usize): void {
  if (rows < 8 || cols < 32) {
    for (let i: usize = 0; i < 1024; i += 16) v128.store(out + i, i32x4.splat(0));
  }
  for (let r = 0; r < min(rows, 8); r++, out += 128, src += stride) {
    if (cols >= 32) widen(out, src, 32, dtype);
    else widenAll(out, src, cols, dtype, rest);
  }
}

/**
 * The same group input by input, a lane for each row: f32 [2, 32, 4], rows 0-3 and then rows 4-7.
 * @param rest 1,088 bytes of scratch
 */
export function loadColumns(out: usize, src: usize, stride: usize, rows: i32, cols: i32, dtype: i32, rest: usize): void {
  if (dtype === BF16 && rows >= 8 && cols >= 32) {
    columnsOfBf16(out, src, stride);
    columnsOfBf16(out + 512, src + 4 * stride, stride);
    return;
  }
  loadGroup(rest, src, stride, rows, cols, dtype, rest + 1024);
  for (const end = rest + 1024; rest < end; rest += 384) {
    for (let k: usize = 0; k < 128; k += 16, rest += 16, out += 64) {
      storeTransposed(out, 16, v128.load(rest), v128.load(rest, 128), v128.load(rest, 256), v128.load(rest, 384));
    }
  }
}

/** i32 × 4: the upper half of each lane. */
const UPPER = memory.data<u32>([0xffff0000, 0xffff0000, 0xffff0000, 0xffff0000], 16);

/** Four rows of 32 bf16 to f32 [32, 4]: transposed two neighbours at a time, which are then taken apart. */
// @ts-ignore: decorator
@inline
function columnsOfBf16(out: usize, src: usize, stride: usize): void {
  const upper = v128.load(UPPER);
  const b = src + stride;
  const c = b + stride;
  const d = c + stride;
  for (let k: usize = 0; k < 64; k += 16, out += 128) {
    const ra = v128.load(src + k);
    const rb = v128.load(b + k);
    const rc = v128.load(c + k);
    const rd = v128.load(d + k);
    const ab01 = v128.shuffle<i32>(ra, rb, 0, 4, 1, 5);
    const ab23 = v128.shuffle<i32>(ra, rb, 2, 6, 3, 7);
    const cd01 = v128.shuffle<i32>(rc, rd, 0, 4, 1, 5);
    const cd23 = v128.shuffle<i32>(rc, rd, 2, 6, 3, 7);
    storePair(out, v128.shuffle<i64>(ab01, cd01, 0, 2), upper);
    storePair(out + 32, v128.shuffle<i64>(ab01, cd01, 1, 3), upper);
    storePair(out + 64, v128.shuffle<i64>(ab23, cd23, 0, 2), upper);
    storePair(out + 96, v128.shuffle<i64>(ab23, cd23, 1, 3), upper);
  }
}

/** | k, k+1 | of four rows, as float32: the k of all, and then their k+1. */
// @ts-ignore: decorator
@inline
function storePair(out: usize, pair: v128, upper: v128): void {
  v128.store(out, i32x4.shl(pair, 16));
  v128.store(out, v128.and(pair, upper), 16);
}

/** Overwrites with zeros the rows of x, f32 [4, 32], whose bit in `rows` is set. */
export function clearRows(x: usize, rows: i32): void {
  for (let i: usize = 0; i < 512; i += 16) {
    if ((rows >> <i32>(i >> 7)) & 1) v128.store(x + i, i32x4.splat(0));
  }
}
