import { twoProduct } from "./double-double.ts";
import { expOfSum } from "./exp.ts";
import { polynomial } from "./polynomial.ts";

/** 2/√π - 1 */
const SLOPE = 0.1283791670955126;

/** (-1)^n / (n! (2n + 1)) for n = 1, 2, …: erf x = 2/√π · x · (1 + Σ …·x^(2n)); what is left out is below 2^-58 for |x| ≤ 1. */
const SERIES: readonly number[] = [
  -1 / 3,
  1 / 10,
  -1 / 42,
  1 / 216,
  -1 / 1320,
  1 / 9360,
  -1 / 75600,
  1 / 685440,
  -1 / 6894720,
  1 / 76204800,
  -1 / 918086400,
  1 / 11975040000,
  -1 / 168129561600,
  1 / 2528170444800,
  -1 / 40537905408000,
  1 / 690452066304000,
  -1 / 12449059983360000,
];

/**
 * Chebyshev coefficients of (1 + 2x) · e^(x²) · erfc(x) in t = (x - 3.75) / (x + 3.75), x ≥ 0; what is left out is below 2^-58.
 * Source of the form: J. L. Schonfelder, "Chebyshev expansions for the error and related functions" (1978); the coefficients are
 * computed to 60 digits by scripts/math-fixture.py.
 */
const CHEBYSHEV: readonly number[] = [
  1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
  0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-5, 4.13902798607301e-6,
  7.74038306619849e-7, -2.1886401049234397e-7, 1.076499946567091e-8, 4.521959811218287e-9, -7.754400208831351e-10,
  -6.318088340886684e-11, 2.86879501093067e-11, 1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14,
  3.3478119482868056e-14, -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17, 5.068148904796111e-17,
];

/** The error function, 2/√π ∫₀ˣ e^(-t²) dt. Error: at most 1.5 ulp. erf(±0) = ±0, erf(±∞) = ±1, erf(NaN) = NaN. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (!(size > 1)) return nearZero(x);
  const value = size > 6 ? 1 : 1 - tail(size);
  return x > 0 ? value : -value;
}

/**
 * 1 - erf(x) without its cancellation: as good for x = 20 as for x = 0. Error: at most 5 ulp.
 * erfc(-∞) = 2, erfc(∞) = 0, erfc(NaN) = NaN; denormal above 26.54, 0 above 27.23.
 */
export function erfc(x: number): number {
  if (!(Math.abs(x) > 0.5)) return 1 - nearZero(x);
  if (x > 0) return x > 28 ? 0 : tail(x);
  return x < -6 ? 2 : 2 - tail(-x);
}

/** erf(x) for |x| ≤ 1, as x + x·(…), so that the part that rounds is small. */
function nearZero(x: number): number {
  const x2 = x * x;
  const series = x2 * polynomial(x2, SERIES);
  return x + x * (SLOPE + (series + SLOPE * series));
}

/** erfc(x) for 0.5 ≤ x ≤ 28. */
function tail(x: number): number {
  // Clenshaw's recurrence.
  const t2 = (2 * (x - 3.75)) / (x + 3.75);
  let b1 = 0;
  let b2 = 0;
  for (let n = CHEBYSHEV.length - 1; n > 0; n--) {
    const b = CHEBYSHEV[n] + t2 * b1 - b2;
    b2 = b1;
    b1 = b;
  }
  const value = CHEBYSHEV[0] + 0.5 * t2 * b1 - b2;
  const { hi, lo } = twoProduct(x, x);
  return (expOfSum(-hi, -lo) * value) / (1 + 2 * x);
}
