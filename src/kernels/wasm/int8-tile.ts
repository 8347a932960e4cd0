// What the tiles of gemv.ts and gemm.ts share.
import { storeF32 } from "./vectors";

/** u8 × 16: the bits of a nibble. From memory, as all constants (f16.ts says why). */
export const NIBBLES = memory.data<u8>([15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], 16);

/** i16 × 8: the bits of a nibble. */
export const NIBBLE_16 = memory.data<i16>([15, 15, 15, 15, 15, 15, 15, 15], 16);

/** f32 × 4: 2^64 and 2^48. Sums of q4, q4z and q8 are held times 2^-48, so that the 2^112 that scales lack (f16.ts) cost nothing in the loop. */
const UP_64 = memory.data<u32>([0x5f800000, 0x5f800000, 0x5f800000, 0x5f800000], 16);
const UP_48 = memory.data<u32>([0x57800000, 0x57800000, 0x57800000, 0x57800000], 16);

/** Four scales, of weights (as {@link first4} has them) or of activations: either of the two that {@link addGroup} multiplies. */
// @ts-ignore: decorator
@inline
export function scaledUp(scales: v128): v128 {
  return f32x4.mul(scales, v128.load(UP_64));
}

/** acc + f32(sums) · (weights' scales · activations' scale) */
// @ts-ignore: decorator
@inline
export function addGroup(acc: v128, sums: v128, ws: v128, as: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.mul(ws, as)));
}

/** z - 8 of rows 0-3, and of rows 4-7, of the 8 at `zeros`, as pairs of i16. */
// @ts-ignore: decorator
@inline
export function firstZeros(zeros: v128): v128 {
  return v128.shuffle<i16>(zeros, zeros, 0, 0, 1, 1, 2, 2, 3, 3);
}
// @ts-ignore: decorator
@inline
export function lastZeros(zeros: v128): v128 {
  return v128.shuffle<i16>(zeros, zeros, 4, 4, 5, 5, 6, 6, 7, 7);
}

/**
 * A group's sums as q4 has them, Σ (n - 8) q, made those of q4z: + (8 - z) Σ q. Exact. Lanes are pairs of i16: zeros (z - 8, z - 8) and -8 Σ q in two
 * halves, or zeros (z - 8, 0) and -8 Σ q, which fits in 16 bits, in the first half.
 */
// @ts-ignore: decorator
@inline
export function moveZeros(sums: v128, zeros: v128, sum: v128): v128 {
  return i32x4.add(sums, i32x4.shr_s(i32x4.dot_i16x8_s(zeros, sum), 3));
}

/**
 * Stores the sums of 8 rows of a token, held times 2^-48, or of those of them that there are, by way of 32 spare bytes. Two stores side by side,
 * with no branch between them and no other use of what they store, are where V8 begins to pair vectors (ARCHITECTURE.md, Wider vectors).
 */
// @ts-ignore: decorator
@inline
export function storeSums(out: usize, spare: usize, lo: v128, hi: v128, rows: i32): void {
  const up = v128.load(UP_48);
  const to = rows < 8 ? spare : out;
  v128.store(to, f32x4.mul(lo, up));
  v128.store(to, f32x4.mul(hi, up), 16);
  if (rows >= 8) return;
  for (const end = out + (<usize>rows << 2); out < end; out += 4, spare += 4) store<f32>(out, load<f32>(spare));
}

/** Stores 8 rows of a token, or those of them that there are. */
export function storeRows(out: usize, lo: v128, hi: v128, rows: i32): void {
  storeF32(out, lo, rows);
  storeF32(out + 16, hi, rows - 4);
}

/** The bytes 0 and 2, and 1 and 3, of each i32 lane as pairs of i16. */
// @ts-ignore: decorator
@inline
export function bytes02(v: v128): v128 {
  return i16x8.shr_s(i16x8.shl(v, 8), 8);
}
// @ts-ignore: decorator
@inline
export function bytes13(v: v128): v128 {
  return i16x8.shr_s(v, 8);
}
