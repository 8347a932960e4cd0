/** 1.5 · 2^23: added to a float32 within ±2^22 it leaves the nearest integer, ties to even, in the low bits. */
const ROUND: f32 = 12582912;

/** Eight neighbours f32 at `x`, each · r (|x · r| < 2^22), rounded to nearest even, plus `offset`, as i16. */
// @ts-ignore: decorator
@inline
export function roundEight(x: usize, r: v128, offset: i32): v128 {
  const round = f32x4.splat(ROUND);
  const base = i32x4.splat(reinterpret<i32>(ROUND) - offset);
  const low = f32x4.add(f32x4.mul(v128.load(x), r), round);
  const high = f32x4.add(f32x4.mul(v128.load(x, 16), r), round);
  return i16x8.narrow_i32x4_s(i32x4.sub(low, base), i32x4.sub(high, base));
}
