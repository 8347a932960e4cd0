/** ln 2 in two parts; the first has 16 bits, so that multiples of it up to 2^8 are exact. */
const LN2_HI: f32 = 0.693145751953125;
const LN2_LO: f32 = 1.42860682030941723e-6;

/**
 * e^x of four float32. Error: at most 1.01 ulp where the result is normal (measured over all float32), one rounding more where it is denormal.
 * exp(-∞) = 0, NaN gives NaN; ∞ from 88.7228394 on, denormal below -87.3365478, 0 below -103.97.
 *
 * x = k·ln 2 + r, e^x = 2^k · (1 + r + r²/2! + … + r^7/7!); what is left out is below 2^-27 of the result.
 * Lanes: each on its own, `| x0 | x1 | x2 | x3 |`.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // pmax(x, limit) is x < limit ? limit : x, and so hands NaN on.
  x = f32x4.pmax(x, f32x4.splat(-104));
  x = f32x4.pmin(x, f32x4.splat(89));
  const k = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269502)));
  let r = f32x4.sub(x, f32x4.mul(k, f32x4.splat(LN2_HI)));
  r = f32x4.sub(r, f32x4.mul(k, f32x4.splat(LN2_LO)));
  let p = f32x4.splat(1.0 / 5040.0);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 720.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 120.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 24.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 6.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r);
  p = f32x4.add(p, f32x4.splat(1));
  // 2^k in two factors, each a normal number: k reaches from -150 to 128. A NaN becomes k = 0 here.
  const n = i32x4.trunc_sat_f32x4_s(k);
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(p, power(half)), power(i32x4.sub(n, half)));
}

/** 2^n of four i32 in -126 … 127. */
// @ts-ignore: decorator
@inline
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** exp4 of one number, with the same bits. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** out = e^x, n float32: exported so that the bound of exp4 can be held against every float32. */
export function exp(out: usize, x: usize, n: i32): void {
  const end = out + ((<usize>n) << 2);
  for (; out + 16 <= end; out += 16, x += 16) v128.store(out, exp4(v128.load(x)));
  for (; out < end; out += 4, x += 4) store<f32>(out, exp1(load<f32>(x)));
}
