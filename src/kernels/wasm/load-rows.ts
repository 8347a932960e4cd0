import { f16x4ToF32x4 } from "./f16";

/** Element types of source rows; simd.ts passes the same numbers. */
const F32: i32 = 0;
const F16: i32 = 1;

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

/** Overwrites with zeros the rows of x, f32 [4, 32], whose bit in `rows` is set. */
export function clearRows(x: usize, rows: i32): void {
  for (let i: usize = 0; i < 512; i += 16) {
    if ((rows >> <i32>(i >> 7)) & 1) v128.store(x + i, i32x4.splat(0));
  }
}
