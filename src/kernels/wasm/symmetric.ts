// Symmetric integers: x ≈ q · scale, scale = f32(max |x| / the greatest q), q = nearestEven(f32(x / scale)).
import { nearest16 } from "./round";
import { loadF32 } from "./vectors";

/** i32 × 4: all bits but the sign. */
const MAGNITUDE = memory.data<u32>([0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff], 16);

/** Bits of the greatest |x| of n float32 at `x`: as integers they are in order of magnitude, infinity and then NaN above all. */
export function greatestBits(x: usize, n: i32): i32 {
  const magnitude = v128.load(MAGNITUDE);
  let max = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16) max = i32x4.max_s(max, v128.and(v128.load(x), magnitude));
  if (n > 0) max = i32x4.max_s(max, v128.and(loadF32(x, n), magnitude));
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 2, 3, 0, 1));
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 1, 0, 3, 2));
  return i32x4.extract_lane(max, 0);
}

/** The scale for integers up to `most`; NaN if a value is infinite or NaN. */
// @ts-ignore: decorator
@inline
export function scaleOf(bits: i32, most: f32): f32 {
  return bits < 0x7f800000 ? reinterpret<f32>(bits) / most : f32.NaN;
}

/**
 * Eight values over their scale, as i16 in -most … most; anything where the scale is 0 or NaN. Values are past `most` only where the scale is a
 * subnormal number.
 */
// @ts-ignore: decorator
@inline
export function int16(a: v128, b: v128, scale: v128, most: v128): v128 {
  const q = nearest16(f32x4.div(a, scale), f32x4.div(b, scale));
  return i16x8.max_s(i16x8.min_s(q, most), i16x8.neg(most));
}

/** What to divide by: the scale, or where all values are as good as 0, or the scale is NaN and hands that on, 1. */
// @ts-ignore: decorator
@inline
export function divisorOf(scale: f32): f32 {
  return scale > 0 ? scale : 1;
}
