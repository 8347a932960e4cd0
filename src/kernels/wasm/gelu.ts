import { exp4 } from "./exp";

/**
 * out = 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³))), n float32; out may be x.
 *
 * 0.5 · (1 + tanh(v/2)) is 1 / (1 + e^-v), which does not cancel for negative x; with e = e^-|v| it is 1 / (1 + e), or e / (1 + e) for v < 0.
 * Error: (6 + 5 |v|) · 2^-24 of the value for x < 0 (rounding v moves e^v), 6 · 2^-24 above; where the value is denormal, 2^-142 on top.
 * Lanes: four neighbours at a time; of the n mod 4 left at the end each takes a vector for itself. Alignment: 4 bytes. gelu(-∞) is NaN (-∞ · 0).
 */
export function geluTanh(out: usize, x: usize, n: i32): void {
  const end = out + ((<usize>n) << 2);
  for (; out + 16 <= end; out += 16, x += 16) v128.store(out, tanhForm(v128.load(x)));
  for (; out < end; out += 4, x += 4) v128.store32_lane(out, tanhForm(v128.load32_splat(x)), 0);
}

// @ts-ignore: decorator
@inline
function tanhForm(x: v128): v128 {
  const one = f32x4.splat(1);
  // v = x · (2√(2/π) + 2√(2/π) · 0.044715 · x²)
  const slope = f32x4.add(f32x4.splat(1.59576912), f32x4.mul(f32x4.splat(0.0713548163), f32x4.mul(x, x)));
  const e = exp4(f32x4.neg(f32x4.abs(f32x4.mul(x, slope))));
  const upper = v128.bitselect(one, e, f32x4.ge(x, f32x4.splat(0)));
  return f32x4.mul(x, f32x4.div(upper, f32x4.add(one, e)));
}

/**
 * out = x · Φ(x) = 0.5 · x · (1 + erf(x / √2)), n float32; out may be x. Lanes and limits as in {@link geluTanh}.
 * Error: (14 + x²) · 2^-24 of the value for x < 0, 14 · 2^-24 above; where the value is denormal, 2^-142 on top.
 */
export function geluErf(out: usize, x: usize, n: i32): void {
  const end = out + ((<usize>n) << 2);
  for (; out + 16 <= end; out += 16, x += 16) v128.store(out, erfForm(v128.load(x)));
  for (; out < end; out += 4, x += 4) v128.store32_lane(out, erfForm(v128.load32_splat(x)), 0);
}

/**
 * Φ(-|x|) = e^(-x²/2) · t · P(t), t = 1 / (1 + 0.3 |x|), and Φ(|x|) = 1 - Φ(-|x|): the small one of the two is formed first, so that nothing
 * cancels. P has degree 9 and a relative error of 2^-28 for |x| ≤ 14.6, where the result has left float32 (scripts/gelu-fit.py).
 */
// @ts-ignore: decorator
@inline
function erfForm(x: v128): v128 {
  const one = f32x4.splat(1);
  const size = f32x4.pmin(f32x4.abs(x), f32x4.splat(15));
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.splat(0.3), size)));
  let p = f32x4.splat(-0.020624900236725807);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.11244365572929382));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.2282332181930542));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.1918117254972458));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.07944706827402115));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.09617006033658981));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.07838485389947891));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.1102365031838417));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.11957167834043503));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.11968670040369034));
  const e = exp4(f32x4.mul(f32x4.mul(size, size), f32x4.splat(-0.5)));
  const lower = f32x4.mul(e, f32x4.mul(t, p));
  const upper = f32x4.sub(one, lower);
  return f32x4.mul(x, v128.bitselect(upper, lower, f32x4.ge(x, f32x4.splat(0))));
}
