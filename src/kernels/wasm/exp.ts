// The constants lie in memory: V8 forms a v128 constant anew at every use, with three instructions, and a load into all lanes is one.

/** x is held between them: e^x is 0 below and infinite above. */
const LOWEST = memory.data<f32>([-104]);
const GREATEST = memory.data<f32>([89]);
/** 1 / ln 2. */
const LOG2E = memory.data<f32>([1.44269502]);
/** 1.5 · 2^23 + 254: added to a number k within ±2^21, it leaves the nearest integer (ties to even), and 254 more in the low bits. */
const ROUND = memory.data<f32>([12583166]);
/** ln 2 in two parts; the first has 16 bits, so that multiples of it up to 2^8 are exact. */
const LN2_HI = memory.data<f32>([0.693145751953125]);
const LN2_LO = memory.data<f32>([1.42860682030941723e-6]);
/** 1 / 7! … 1 / 2!, as the nearest float32. */
const C7 = memory.data<f32>([1.0 / 5040.0]);
const C6 = memory.data<f32>([1.0 / 720.0]);
const C5 = memory.data<f32>([1.0 / 120.0]);
const C4 = memory.data<f32>([1.0 / 24.0]);
const C3 = memory.data<f32>([1.0 / 6.0]);
const C2 = memory.data<f32>([0.5]);
const ONE = memory.data<f32>([1]);

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
  x = f32x4.pmax(x, v128.load32_splat(LOWEST));
  x = f32x4.pmin(x, v128.load32_splat(GREATEST));
  const round = v128.load32_splat(ROUND);
  const n = f32x4.add(f32x4.mul(x, v128.load32_splat(LOG2E)), round);
  const k = f32x4.sub(n, round);
  let r = f32x4.sub(x, f32x4.mul(k, v128.load32_splat(LN2_HI)));
  r = f32x4.sub(r, f32x4.mul(k, v128.load32_splat(LN2_LO)));
  let p = v128.load32_splat(C7);
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(C6));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(C5));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(C4));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(C3));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(C2));
  p = f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r);
  p = f32x4.add(p, v128.load32_splat(ONE));
  // 2^k in two factors, each a normal number: k reaches from -150 to 128. The low 9 bits of n are k + 254, twice the bias of float32's exponent; half of
  // that, rounded down, and the rest of it are moved to where sign and exponent are, all other bits fall off. (With NaN p is NaN.)
  const half = i32x4.shr_u(n, 1);
  return f32x4.mul(f32x4.mul(p, i32x4.shl(half, 23)), i32x4.shl(i32x4.sub(n, half), 23));
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
