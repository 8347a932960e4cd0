import { PhiError } from "../errors.ts";
import { show } from "../message.ts";
import { quickSum, twoProduct, twoSum } from "./double-double.ts";
import { polynomial } from "./polynomial.ts";

/** Greatest argument, 2^20. */
export const MAX_ANGLE = 1048576;
/** 2 / π */
const TWO_OVER_PI = 0.6366197723675814;
/** π/2 = sum of four parts; the first three have 33 bits, so that multiples of them up to 2^20 are exact. */
const HALF_PI = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32] as const;

/** (sin r - r) / r³ = -1/3! + r²/5! - …; the terms left out are below 2^-62 for |r| ≤ π/4. */
const SIN: readonly number[] = [
  -1 / 6,
  1 / 120,
  -1 / 5040,
  1 / 362880,
  -1 / 39916800,
  1 / 6227020800,
  -1 / 1307674368000,
  1 / 355687428096000,
];
/** (cos r - 1 + r²/2) / r⁴ = 1/4! - r²/6! + …; the terms left out are below 2^-66. */
const COS: readonly number[] = [
  1 / 24,
  -1 / 720,
  1 / 40320,
  -1 / 3628800,
  1 / 479001600,
  -1 / 87178291200,
  1 / 20922789888000,
  -1 / 6402373705728000,
];

/**
 * sin(x), x in radians, |x| ≤ 2^20. Error: at most 0.75 ulp. sin(-0) = -0; NaN and ±∞ give NaN.
 * @throws PhiError (code "range") for a finite |x| > 2^20
 */
export function sin(x: number): number {
  return x === 0 ? x : quarter(x, 0);
}

/**
 * cos(x), x in radians, |x| ≤ 2^20. Error: at most 0.75 ulp. NaN and ±∞ give NaN.
 * @throws PhiError (code "range") for a finite |x| > 2^20
 */
export function cos(x: number): number {
  return quarter(x, 1);
}

/** sin(x + turns·π/2). */
function quarter(x: number, turns: number): number {
  const size = Math.abs(x);
  if (!(size <= MAX_ANGLE)) {
    if (size < Infinity) throw new PhiError("range", `sin, cos: |x| should be at most ${MAX_ANGLE}, is ${show(size)}`);
    return Number.NaN;
  }
  // x = n·π/2 + r + low, |r| ≤ π/4. The subtraction of each exact multiple keeps what it rounds away (W. J. Cody and W. Waite,
  // "Software Manual for the Elementary Functions", 1980). No float64 in range is nearer than 2^-70 to a multiple of π/2, and
  // the parts reach down to 2^-132.
  const n = Math.floor(x * TWO_OVER_PI + 0.5);
  const first = x - n * HALF_PI[0]; // exact
  const second = twoSum(first, -(n * HALF_PI[1]));
  const third = twoSum(second.hi, -(n * HALF_PI[2]));
  const { hi: r, lo: low } = quickSum(third.hi, third.lo + second.lo - n * HALF_PI[3]);
  switch ((n + turns) & 3) {
    case 0:
      return sinNearZero(r, low);
    case 1:
      return cosNearZero(r, low);
    case 2:
      return -sinNearZero(r, low);
    default:
      return -cosNearZero(r, low);
  }
}

/** sin(r + low) for |r| ≤ π/4, low far below r. */
function sinNearZero(r: number, low: number): number {
  const r2 = r * r;
  return r + (r * r2 * polynomial(r2, SIN) + low * (1 - 0.5 * r2));
}

/** cos(r + low) for |r| ≤ π/4, low far below r. */
function cosNearZero(r: number, low: number): number {
  const { hi, lo } = twoProduct(r, r);
  const one = 1 - 0.5 * hi;
  const lost = 1 - one - 0.5 * hi;
  return one + (lost - 0.5 * lo + (hi * hi * polynomial(hi, COS) - r * low));
}
