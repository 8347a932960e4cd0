// The K-formats as the kernels see them; drawn in src/quant/k-formats.ts. Inside kernels a format is a type parameter W, as in layout.ts:
//
//     W     format   bits of n   scales for    a block is
//     u32   q4k      4           32 inputs     256 inputs: f32 d and dmin of 8 rows, and 8 groups
//     u64   q5k      6           32            the same
//     f64   q6k      6           16            256 inputs: f32 d, and 8 groups
//     f32   q2k      4           16            as q4k
//     i32   q4m      4           32            32 inputs: one group, with scales and minima in f16
//     i64   q5m      6           32            the same
//     v128  q4x      4           16            as q6k; n stands for an int8 of a table
//
// Every format is weight = ds · n - dm, with ds and dm of a row and its 16 or 32 inputs; q6k's is ds · (n - 32), and q4x's ds · table[n].
import { first4, last4, topHalves } from "./f16";
import { bytes02, bytes13, NIBBLE_16, NIBBLES } from "./int8-tile";

export const Q4K: i32 = 4;
export const Q5K: i32 = 5;
export const Q6K: i32 = 6;
export const Q4M: i32 = 7;
export const Q5M: i32 = 8;
export const Q2K: i32 = 9;
export const Q4X: i32 = 10;

/** i8 × 16: what the nibbles of q4x stand for (src/quant/ggml/iq4_nl.ts). */
export const TABLE = memory.data<i8>([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], 16);

/** Whether W is one of these. */
// @ts-ignore: decorator
@inline
export function isK<W>(): bool {
  return sizeof<W>() > 2;
}

/** Bits of a weight. */
// @ts-ignore: decorator
@inline
export function bitsOf<W>(): i32 {
  return sizeof<W>() == 8 ? 6 : 4;
}

/** Whether nibbles stand for the numbers of a table. */
// @ts-ignore: decorator
@inline
export function hasTable<W>(): bool {
  return sizeof<W>() == 16;
}

/** Whether each 16 inputs have a scale of their own. */
// @ts-ignore: decorator
@inline
export function bySixteen<W>(): bool {
  return isFloat<W>() || hasTable<W>();
}

/** Whether there are minima. */
// @ts-ignore: decorator
@inline
export function hasMins<W>(): bool {
  return !(isFloat<W>() && sizeof<W>() == 8) && !hasTable<W>();
}

/** Whether scales and minima are f16 of their own. */
// @ts-ignore: decorator
@inline
function isFlat<W>(): bool {
  return !bySixteen<W>() && isSigned<W>();
}

/** Bytes before 8 groups. */
// @ts-ignore: decorator
@inline
export function headBytes<W>(): usize {
  return isFlat<W>() ? 0 : hasMins<W>() ? 64 : 32;
}

/** Bytes of scales (and minima) before a group's weights. */
// @ts-ignore: decorator
@inline
export function scaleBytes<W>(): usize {
  return isFlat<W>() ? 32 : 16;
}

/** Bytes of the weights of 8 rows × 16 inputs. */
// @ts-ignore: decorator
@inline
export function halfBytes<W>(): usize {
  return bitsOf<W>() == 6 ? 96 : 64;
}

/** Bytes of a group of 8 rows × 32 inputs. */
// @ts-ignore: decorator
@inline
export function groupBytes<W>(): usize {
  return scaleBytes<W>() + 2 * halfBytes<W>();
}

/** Bytes of G groups of 8 rows. */
// @ts-ignore: decorator
@inline
export function kBytes<W>(G: i32): usize {
  return <usize>(G >> 3) * headBytes<W>() + <usize>G * groupBytes<W>();
}

/** What the scales of 8 rows are made of, of the inputs of half h or all 32: i16, or f16. */
// @ts-ignore: decorator
@inline
export function scalesOf<W>(scales: usize, h: usize): v128 {
  if (isFlat<W>()) return v128.load(scales);
  if (!bySixteen<W>()) return v128.load_ext<u8>(scales);
  if (!hasMins<W>()) return v128.load_ext<i8>(scales + (h << 3));
  return v128.and(v128.load_ext<u8>(scales + (h << 3)), v128.load(NIBBLE_16));
}

/** The same of the minima. */
// @ts-ignore: decorator
@inline
export function minsOf<W>(scales: usize, h: usize): v128 {
  if (isFlat<W>()) return v128.load(scales, 16);
  return bySixteen<W>() ? i16x8.shr_u(v128.load_ext<u8>(scales + (h << 3)), 4) : v128.load_ext<u8>(scales, 8);
}

/** ds of 4 rows (`rows` 0: the first of their 8, 1: the others), a constant where this is used; of minima dm, with the head's second part. */
// @ts-ignore: decorator
@inline
export function fourOf<W>(of8: v128, head: usize, rows: i32): v128 {
  if (isFlat<W>()) return rows == 0 ? first4(of8, topHalves(of8)) : last4(of8, topHalves(of8));
  const s = rows == 0 ? i32x4.extend_low_i16x8_s(of8) : i32x4.extend_high_i16x8_s(of8);
  return f32x4.mul(f32x4.convert_i32x4_s(s), v128.load(head + (<usize>rows << 4)));
}

/** u8 × 16: the bits of n, where they are 6. */
const SIX = memory.data<u8>([63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63], 16);

/** The mask of n, and of q4x its table; to be loaded once. */
// @ts-ignore: decorator
@inline
export function maskOf<W>(): v128 {
  return v128.load(bitsOf<W>() == 6 ? SIX : NIBBLES);
}
// @ts-ignore: decorator
@inline
export function tableOf<W>(): v128 {
  return hasTable<W>() ? v128.load(TABLE) : i32x4.splat(0);
}

/**
 * The c-th 4 of 16 inputs of 4 rows, as bytes: of vectors v0, v1, v2 that lie 32 bytes apart. Nibbles are in two of them; n of 6 bits are below in
 * three, and the fourth is in the bits above. `c` is a constant where this is used.
 */
// @ts-ignore: decorator
@inline
export function bytesOf<W>(v0: v128, v1: v128, v2: v128, mask: v128, table: v128, c: i32): v128 {
  if (bitsOf<W>() == 6) {
    if (c < 3) return v128.and(c == 0 ? v0 : c == 1 ? v1 : v2, mask);
    const high = v128.or(i16x8.shr_u(v128.andnot(v0, mask), 2), i16x8.shr_u(v128.andnot(v1, mask), 4));
    return v128.or(high, i16x8.shr_u(v128.andnot(v2, mask), 6));
  }
  const v = c < 2 ? v0 : v1;
  const n = v128.and(c & 1 ? i16x8.shr_u(v, 4) : v, mask);
  return hasTable<W>() ? i8x16.swizzle(table, n) : n;
}

/** i16 × 8: the bits of n. */
const SIX_16 = memory.data<i16>([63, 63, 63, 63, 63, 63, 63, 63], 16);

/** The bytes 0 and 2, and 1 and 3, of each i32 lane as pairs of i16. */
// @ts-ignore: decorator
@inline
export function evenOf<W>(bytes: v128): v128 {
  return hasTable<W>() ? bytes02(bytes) : v128.and(bytes, v128.load(SIX_16));
}
// @ts-ignore: decorator
@inline
export function oddOf<W>(bytes: v128): v128 {
  return hasTable<W>() ? bytes13(bytes) : i16x8.shr_u(bytes, 8);
}
