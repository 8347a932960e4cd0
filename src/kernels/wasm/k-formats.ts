// The K-formats as the kernels see them; drawn in src/quant/k-formats.ts. Every format is weight = ds · n - dm, with ds and dm of a row and its 16 or
// 32 inputs; q6k's is ds · (n - 32), and q4x's ds · table[n]. Those that files mostly have are type parameters of gemv-k.ts, as in layout.ts:
//
//     W     format   bits of n   scales for
//     u32   q4k      4           32 inputs
//     u64   q5k      6           32
//     f64   q6k      6           16
//     v128  q4x      4           16
//
// Where weights are unpacked first, formats are numbers, and W stands for what they look like then (gemm-k.ts).
import { NIBBLES } from "./int8-tile";

export const Q4K: i32 = 4;
export const Q5K: i32 = 5;
export const Q6K: i32 = 6;
export const Q4M: i32 = 7;
export const Q5M: i32 = 8;
export const Q2K: i32 = 9;
export const Q4X: i32 = 10;

/** i8 × 16: what the nibbles of q4x stand for (src/quant/ggml/iq4_nl.ts). */
export const TABLE = memory.data<i8>([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], 16);

/** Whether n have 6 bits, not 4. */
// @ts-ignore: decorator
@inline
export function isSix(format: i32): bool {
  return format == Q5K || format == Q6K || format == Q5M;
}

/** Whether scales and minima are f16 of their own, and a block has 32 inputs; of others it has 256. */
// @ts-ignore: decorator
@inline
export function isFlat(format: i32): bool {
  return format == Q4M || format == Q5M;
}

/** Bytes of a block before its groups: f32 d, and dmin where there are minima. */
// @ts-ignore: decorator
@inline
export function headBytes(format: i32): usize {
  return isFlat(format) ? 0 : format == Q6K || format == Q4X ? 32 : 64;
}

/** Bytes of scales and minima before the weights of a group of 8 rows × 32 inputs. */
// @ts-ignore: decorator
@inline
export function scaleBytes(format: i32): usize {
  return isFlat(format) ? 32 : 16;
}

/** Bytes of the weights of 8 rows × 16 inputs. */
// @ts-ignore: decorator
@inline
export function halfBytes(format: i32): usize {
  return isSix(format) ? 96 : 64;
}

/** Bytes of G groups of 8 rows, from the beginning of a block. */
export function kBytes(format: i32, G: i32): usize {
  return <usize>(G >> 3) * headBytes(format) + <usize>G * (scaleBytes(format) + 2 * halfBytes(format));
}

// ── formats as type parameters ──

/** The number of W. */
// @ts-ignore: decorator
@inline
export function numberOf<W>(): i32 {
  return isFloat<W>() ? Q6K : sizeof<W>() == 16 ? Q4X : sizeof<W>() == 8 ? Q5K : Q4K;
}

/** u8 × 16: the bits of n, where they are 6. */
const SIX = memory.data<u8>([63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63], 16);

/** The mask of n. */
// @ts-ignore: decorator
@inline
export function maskOf(six: bool): v128 {
  return v128.load(six ? SIX : NIBBLES);
}

/** The last 4 of 16 inputs of 4 rows, n of 6 bits: what is above the others in three vectors, with their mask. */
// @ts-ignore: decorator
@inline
export function fourth(v0: v128, v1: v128, v2: v128, mask: v128): v128 {
  const high = v128.or(i16x8.shr_u(v128.andnot(v0, mask), 2), i16x8.shr_u(v128.andnot(v1, mask), 4));
  return v128.or(high, i16x8.shr_u(v128.andnot(v2, mask), 6));
}

/** i16 × 8: the bits of n. */
export const SIX_16 = memory.data<i16>([63, 63, 63, 63, 63, 63, 63, 63], 16);

/** The bytes 0 and 2, and 1 and 3, of each i32 lane of n as pairs of i16. */
// @ts-ignore: decorator
@inline
export function evenOf(n: v128): v128 {
  return v128.and(n, v128.load(SIX_16));
}
// @ts-ignore: decorator
@inline
export function oddOf(n: v128): v128 {
  return i16x8.shr_u(n, 8);
}
