// What the tiles of gemv.ts and gemm.ts share.
import { storeF32 } from "./vectors";

/** u8 × 16: the bits of a nibble. From memory, as all constants (f16.ts says why). */
export const NIBBLES = memory.data<u8>([15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], 16);

/** acc + f32(sums) · (weights' scales · activations' scale) */
// @ts-ignore: decorator
@inline
export function addGroup(acc: v128, sums: v128, ws: v128, as: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.mul(ws, as)));
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
