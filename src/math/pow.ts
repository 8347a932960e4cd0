import { product } from "./double-double.ts";
import { expOfSum } from "./exp.ts";
import { logDoubleDouble } from "./log.ts";

/**
 * x to the power y. Error: at most 0.65 ulp (one rounding more where the result is denormal). Special cases are those of ECMAScript's `**`:
 * pow(x, ±0) = 1 also for NaN, pow(±1, ±∞) = NaN, a negative x takes integer y only.
 *
 * |x|^y = e^(y · log|x|), the logarithm and the product in double-double: the exponent reaches 745, so that ten of its bits stand before the point.
 */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const size = Math.abs(x);
  if (Math.abs(y) === Infinity) {
    if (size === 1) return Number.NaN;
    return size > 1 === y > 0 ? Infinity : 0;
  }
  const integer = Math.floor(y) === y;
  // Above 2^53 every float64 is even.
  const odd = integer && Math.abs(y) < 9007199254740992 && Math.floor(y / 2) * 2 !== y;
  if (size === 0 || size === Infinity) {
    const value = (size === 0) === y > 0 ? 0 : Infinity;
    return odd && (x < 0 || Object.is(x, -0)) ? -value : value;
  }
  if (x < 0 && !integer) return Number.NaN;
  return odd && x < 0 ? -powPositive(size, y) : powPositive(size, y);
}

/** x^y for finite x > 0, finite y. */
function powPositive(x: number, y: number): number {
  if (x === 1) return 1;
  const log = logDoubleDouble(x);
  const rough = log.hi * y;
  if (Math.abs(rough) > 800) return rough > 0 ? Infinity : 0;
  const exponent = product(log, { hi: y, lo: 0 });
  return expOfSum(exponent.hi, exponent.lo);
}
