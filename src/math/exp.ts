import { scale } from "./bits.ts";
import { polynomial } from "./polynomial.ts";

/** 1 / ln 2 */
const LOG2_E = Math.LOG2E;
/** ln 2 in two parts; the first has 40 bits, so that multiples of it up to 2^13 are exact. */
export const LN2_HI = 0.6931471805601177;
export const LN2_LO = -1.7239444525614835e-13;

/** (e^r - 1 - r) / r² = 1/2! + r/3! + r²/4! + …; the terms left out are below 2^-60 for |r| ≤ ln 2 / 2. */
const TAYLOR: readonly number[] = [
  1 / 2,
  1 / 6,
  1 / 24,
  1 / 120,
  1 / 720,
  1 / 5040,
  1 / 40320,
  1 / 362880,
  1 / 3628800,
  1 / 39916800,
  1 / 479001600,
  1 / 6227020800,
  1 / 87178291200,
];

/**
 * e^x. Error: at most 0.65 ulp (one rounding more where the result is denormal).
 * exp(NaN) = NaN, exp(-∞) = 0; overflows to ∞ above 709.78, is denormal below -708.39 and 0 below -745.13.
 */
export function exp(x: number): number {
  return expOfSum(x, 0);
}

/** e^(x + low) for |low| ≤ ulp(x): an exponent known to more than 53 bits. Same limits as {@link exp}. */
export function expOfSum(x: number, low: number): number {
  if (x > 710) return Infinity;
  if (x < -746) return 0;
  if (Number.isNaN(x)) return x;
  const k = Math.floor(x * LOG2_E + 0.5);
  // x = k·ln 2 + r + c: the first difference is exact.
  const a = x - k * LN2_HI;
  const b = k * LN2_LO - low;
  const r = a - b;
  const c = a - r - b;
  const one = 1 + r;
  return scale(one + (1 - one + r + (r * r * polynomial(r, TAYLOR) + (c + c * r))), k);
}

/**
 * e^x - 1 as a sum head + tail, |tail| ≤ |head| / 3, for 0 ≤ x ≤ 60: no digits are lost near 0.
 * Error of the sum: below 2^-56 of itself.
 */
export function expMinusOne(x: number): { head: number; tail: number } {
  const k = Math.floor(x * LOG2_E + 0.5);
  const a = x - k * LN2_HI;
  const b = k * LN2_LO;
  const r = a - b;
  const tail = r * r * polynomial(r, TAYLOR) + (a - r - b) * (1 + r);
  if (k === 0) return { head: r, tail };
  // 2^k (1 + r + tail) - 1, the greatest parts first.
  const one = 1 + r;
  const rest = scale(1 - one + r + tail, k);
  const big = scale(one, k);
  const head = big - 1;
  return { head, tail: big - head - 1 + rest };
}
