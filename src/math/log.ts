import { decompose } from "./bits.ts";
import { type DoubleDouble, product, quotient, sum, twoProduct, twoSum } from "./double-double.ts";
import { LN2_HI, LN2_LO } from "./exp.ts";
import { polynomial } from "./polynomial.ts";

/** (atanh(s) - s) / s³ = 1/3 + s²/5 + s⁴/7 + …; the terms left out are below 2^-60 for |s| ≤ 0.1716. */
const ATANH: readonly number[] = Array.from({ length: 12 }, (_, n) => 1 / (2 * n + 3));

/**
 * The natural logarithm. Error: at most 0.55 ulp.
 * log(±0) = -∞, log(x < 0) = NaN, log(∞) = ∞, log(NaN) = NaN; denormals are exact inputs like all others.
 *
 * x = 2^k·m with m in [√½, √2), log m = 2 atanh(s), s = (m - 1) / (m + 1).
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  const { m, k } = decompose(x);
  const f = m - 1; // exact
  const d = m + 1;
  const dLow = m - (d - 1);
  // s and what its rounding left out: f - s·d, with s cut into halves so that the products are exact.
  const s = f / d;
  const { hi, lo } = twoProduct(s, d);
  const sLow = (f - hi - lo - s * dLow) / d;
  const s2 = s * s;
  const base = k * LN2_HI; // exact
  const total = base + 2 * s;
  const lost = Math.abs(base) >= Math.abs(2 * s) ? base - total + 2 * s : 2 * s - total + base;
  return total + (lost + (2 * sLow + (2 * s * s2 * polynomial(s2, ATANH) + k * LN2_LO)));
}

/** 1/1, 1/3, 1/5 …, each to 106 bits. */
const ODD: readonly DoubleDouble[] = Array.from({ length: 18 }, (_, n) =>
  quotient({ hi: 1, lo: 0 }, { hi: 2 * n + 1, lo: 0 }),
);

/** log(x) as a sum of two float64, to about 2^-80 of itself, for a finite x > 0. Same method as {@link log}. */
export function logDoubleDouble(x: number): DoubleDouble {
  const { m, k } = decompose(x);
  const s = quotient({ hi: m - 1, lo: 0 }, twoSum(m, 1));
  const s2 = product(s, s);
  let series = ODD[ODD.length - 1];
  for (let n = ODD.length - 2; n >= 0; n--) series = sum(product(series, s2), ODD[n]);
  const part = product(s, series);
  const octaves = sum({ hi: k * LN2_HI, lo: 0 }, twoProduct(k, LN2_LO));
  return sum(octaves, { hi: 2 * part.hi, lo: 2 * part.lo });
}
