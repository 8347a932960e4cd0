// The constants lie in memory, four lanes each: V8 forms a v128 constant anew at every use, with three instructions, and a load is one.

/** x is held between them: e^x is 0 below and infinite above. */
const LOWEST = memory.data<f32>([-104, -104, -104, -104], 16);
const GREATEST = memory.data<f32>([89, 89, 89, 89], 16);
/** 1 / ln 2. */
const LOG2E = memory.data<f32>([1.44269502, 1.44269502, 1.44269502, 1.44269502], 16);
/** ln 2 in two parts; the first has 16 bits, so that multiples of it up to 2^8 are exact. */
const LN2_HI = memory.data<f32>([0.693145751953125, 0.693145751953125, 0.693145751953125, 0.693145751953125], 16);
const LN2_LO = memory.data<f32>([1.42860682030941723e-6, 1.42860682030941723e-6, 1.42860682030941723e-6, 1.42860682030941723e-6], 16);
/** 1 / 7! … 1 / 2!, as the nearest float32. */
const C7 = memory.data<f32>([1.0 / 5040.0, 1.0 / 5040.0, 1.0 / 5040.0, 1.0 / 5040.0], 16);
const C6 = memory.data<f32>([1.0 / 720.0, 1.0 / 720.0, 1.0 / 720.0, 1.0 / 720.0], 16);
const C5 = memory.data<f32>([1.0 / 120.0, 1.0 / 120.0, 1.0 / 120.0, 1.0 / 120.0], 16);
const C4 = memory.data<f32>([1.0 / 24.0, 1.0 / 24.0, 1.0 / 24.0, 1.0 / 24.0], 16);
const C3 = memory.data<f32>([1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0], 16);
const C2 = memory.data<f32>([0.5, 0.5, 0.5, 0.5], 16);
const ONE = memory.data<f32>([1, 1, 1, 1], 16);
/** The bias of float32's exponent. */
const BIAS = memory.data<i32>([127, 127, 127, 127], 16);

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
  x = f32x4.pmax(x, v128.load(LOWEST));
  x = f32x4.pmin(x, v128.load(GREATEST));
  const k = f32x4.nearest(f32x4.mul(x, v128.load(LOG2E)));
  let r = f32x4.sub(x, f32x4.mul(k, v128.load(LN2_HI)));
  r = f32x4.sub(r, f32x4.mul(k, v128.load(LN2_LO)));
  let p = v128.load(C7);
  p = f32x4.add(f32x4.mul(p, r), v128.load(C6));
  p = f32x4.add(f32x4.mul(p, r), v128.load(C5));
  p = f32x4.add(f32x4.mul(p, r), v128.load(C4));
  p = f32x4.add(f32x4.mul(p, r), v128.load(C3));
  p = f32x4.add(f32x4.mul(p, r), v128.load(C2));
  p = f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r);
  p = f32x4.add(p, v128.load(ONE));
  // 2^k in two factors, each a normal number: k reaches from -150 to 128. A NaN becomes k = 0 here.
  const n = i32x4.trunc_sat_f32x4_s(k);
  const half = i32x4.shr_s(n, 1);
  return f32x4.mul(f32x4.mul(p, power(half)), power(i32x4.sub(n, half)));
}

/** 2^n of four i32 in -126 … 127. */
// @ts-ignore: decorator
@inline
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, v128.load(BIAS)), 23);
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
