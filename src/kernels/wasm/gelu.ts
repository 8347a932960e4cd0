import { exp4 } from "./exp";

/**
 * out = 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³))), n float32; out may be x.
 *
 * 0.5 · (1 + tanh(v/2)) is 1 / (1 + e^-v), which does not cancel for negative x; with e = e^-|v| it is 1 / (1 + e), or e / (1 + e) for v < 0.
 * Error: (6 + 5 |v|) · 2^-24 of the value for x < 0 (rounding v moves e^v), 6 · 2^-24 above; where the value is denormal, 2^-142 on top.
 * Lanes: twice four neighbours at a time; of the n mod 8 left at the end each takes a vector for itself. Alignment: 4 bytes. gelu(-∞) is NaN (-∞ · 0).
 */
export function geluTanh(out: usize, x: usize, n: i32): void {
  const end = out + ((<usize>n) << 2);
  for (; out + 32 <= end; out += 32, x += 32) {
    const low = tanhForm(v128.load(x));
    v128.store(out, tanhForm(v128.load(x, 16)), 16);
    v128.store(out, low);
  }
  for (; out < end; out += 4, x += 4) v128.store32_lane(out, tanhForm(v128.load32_splat(x)), 0);
}

/** Constants lie in memory, as in exp.ts. */
const ONE = memory.data<f32>([1]);
const SIGN = memory.data<u32>([0x80000000]);
/** 2√(2/π), and that times 0.044715. */
const SLOPE = memory.data<f32>([1.59576912, 0.0713548163]);

// @ts-ignore: decorator
@inline
function tanhForm(x: v128): v128 {
  const one = v128.load32_splat(ONE);
  // v = x · (2√(2/π) + 2√(2/π) · 0.044715 · x²)
  const slope = f32x4.add(v128.load32_splat(SLOPE), f32x4.mul(v128.load32_splat(SLOPE, 4), f32x4.mul(x, x)));
  const e = exp4(v128.or(f32x4.mul(x, slope), v128.load32_splat(SIGN))); // e^-|v|
  const upper = v128.bitselect(one, e, f32x4.ge(x, f32x4.splat(0)));
  return f32x4.mul(x, f32x4.div(upper, f32x4.add(one, e)));
}

/**
 * out = x · Φ(x) = 0.5 · x · (1 + erf(x / √2)), n float32; out may be x. Lanes and limits as in {@link geluTanh}.
 * Error: (14 + x²) · 2^-24 of the value for x < 0, 14 · 2^-24 above; where the value is denormal, 2^-142 on top.
 */
export function geluErf(out: usize, x: usize, n: i32): void {
  const end = out + ((<usize>n) << 2);
  for (; out + 32 <= end; out += 32, x += 32) {
    const low = erfForm(v128.load(x));
    v128.store(out, erfForm(v128.load(x, 16)), 16);
    v128.store(out, low);
  }
  for (; out < end; out += 4, x += 4) v128.store32_lane(out, erfForm(v128.load32_splat(x)), 0);
}

/** Where |x| ends, what makes t of it, and the factor of x². */
const ERF = memory.data<f32>([15, 0.3, -0.5]);
/** P, the greatest power first. */
const P = memory.data<f32>([
  -0.020624900236725807, 0.11244365572929382, -0.2282332181930542, 0.1918117254972458, -0.07944706827402115,
  0.09617006033658981, 0.07838485389947891, 0.1102365031838417, 0.11957167834043503, 0.11968670040369034,
]);

/**
 * Φ(-|x|) = e^(-x²/2) · t · P(t), t = 1 / (1 + 0.3 |x|), and Φ(|x|) = 1 - Φ(-|x|): the small one of the two is formed first, so that nothing
 * cancels. P has degree 9 and a relative error of 2^-28 for |x| ≤ 14.6, where the result has left float32 (scripts/gelu-fit.py).
 */
// @ts-ignore: decorator
@inline
function erfForm(x: v128): v128 {
  const one = v128.load32_splat(ONE);
  const size = f32x4.pmin(f32x4.abs(x), v128.load32_splat(ERF));
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(v128.load32_splat(ERF, 4), size)));
  let p = v128.load32_splat(P);
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 4));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 8));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 12));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 16));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 20));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 24));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 28));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 32));
  p = f32x4.add(f32x4.mul(p, t), v128.load32_splat(P, 36));
  const e = exp4(f32x4.mul(f32x4.mul(size, size), v128.load32_splat(ERF, 8)));
  const lower = f32x4.mul(e, f32x4.mul(t, p));
  const upper = f32x4.sub(one, lower);
  return f32x4.mul(x, v128.bitselect(upper, lower, f32x4.ge(x, f32x4.splat(0))));
}
