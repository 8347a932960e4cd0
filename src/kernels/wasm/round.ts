/** f32 × 4: 1.5 · 2^23; added to a float32 within ±2^22 it leaves the nearest integer, ties to even, in the low bits. In memory, as f16.ts says. */
const ROUND = memory.data<f32>([12582912, 12582912, 12582912, 12582912], 16);

/** Eight f32 within ±2^22, rounded to nearest even, as i16. What NaN becomes is not said. */
// @ts-ignore: decorator
@inline
export function nearest16(low: v128, high: v128): v128 {
  const round = v128.load(ROUND);
  return i16x8.narrow_i32x4_s(i32x4.sub(f32x4.add(low, round), round), i32x4.sub(f32x4.add(high, round), round));
}

/** Eight neighbours f32 at `x`, each · r (|x · r| < 2^22), rounded to nearest even, as i16. */
// @ts-ignore: decorator
@inline
export function roundEight(x: usize, r: v128): v128 {
  return nearest16(f32x4.mul(v128.load(x), r), f32x4.mul(v128.load(x, 16), r));
}
