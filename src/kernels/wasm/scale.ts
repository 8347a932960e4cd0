import { f16ToF32 } from "./f16";

/** The f16 in the low halves of i32 lanes as float32; exact. */
// @ts-ignore: decorator
@inline
export function scaleToF32(s: v128): v128 {
  return f16ToF32(i32x4.shr_s(i32x4.shl(s, 16), 16));
}

/**
 * The f16 bits nearest to |d| < 65520, ties to even. Normal: the float32's fraction rounded by 13 bits and the exponent's bias
 * changed. Below 2^-14: added to 0.5, whose last bit is 2^-24, the hardware rounds for us.
 */
// @ts-ignore: decorator
@inline
function narrow(u: v128): v128 {
  const odd = v128.and(i32x4.shr_u(u, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(u, i32x4.splat(0xfff - (112 << 23))), odd), 13);
  const small = i32x4.sub(f32x4.add(u, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  return v128.bitselect(small, normal, i32x4.lt_s(u, i32x4.splat(0x38800000)));
}

/** f16 bits nearest to d, of either sign, held to magnitudes 2^-24 … 65504 (`scaleBits` of src/quant/scale.ts). */
// @ts-ignore: decorator
@inline
export function scaleNearest(d: v128): v128 {
  const u = v128.and(d, i32x4.splat(0x7fffffff));
  const held = i32x4.max_s(i32x4.min_s(narrow(u), i32x4.splat(0x7bff)), i32x4.splat(1));
  return v128.or(held, v128.and(i32x4.shr_u(d, 16), i32x4.splat(0x8000)));
}

/** f16 bits nearest to d, 0 < d ≤ 65504, or the next greater ones where max / s would be 127.5 or more (`quantizeQ8`). */
// @ts-ignore: decorator
@inline
export function scaleHolding(d: v128, max: v128): v128 {
  const s = narrow(d);
  const clips = f32x4.ge(f32x4.mul(max, f32x4.div(f32x4.splat(1), scaleToF32(s))), f32x4.splat(127.5));
  const none = i32x4.eq(s, i32x4.splat(0));
  return i32x4.sub(s, v128.or(clips, none)); // a true comparison is -1
}

/** Four f16, in the low halves of i32 lanes, to 8 bytes. */
// @ts-ignore: decorator
@inline
export function storeScales(out: usize, s: v128): void {
  v128.store_lane<u64>(out, v128.shuffle<i16>(s, s, 0, 2, 4, 6, 0, 2, 4, 6), 0);
}
