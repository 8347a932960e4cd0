/**
 * A number of about 106 bits: the unevaluated sum hi + lo, |lo| ≤ half a unit in the last place of hi. Used where the logarithm inside
 * a power, or an exponent, must be known better than one float64 can say.
 * Source of the error-free sums and products: T. J. Dekker, "A floating-point technique for extending the available precision" (1971).
 */
export interface DoubleDouble {
  readonly hi: number;
  readonly lo: number;
}

/** a + b exactly, for any a and b. */
export function twoSum(a: number, b: number): DoubleDouble {
  const hi = a + b;
  const part = hi - a;
  return { hi, lo: a - (hi - part) + (b - part) };
}

/** a + b exactly, where |a| ≥ |b|. */
export function quickSum(a: number, b: number): DoubleDouble {
  const hi = a + b;
  return { hi, lo: b - (hi - a) };
}

/** 2^27 + 1: multiplying by it cuts a float64 into two halves of 26 bits, whose products are exact. */
const SPLIT = 134217729;

/** a · b exactly, for |a|, |b| < 2^996 and products far from underflow. */
export function twoProduct(a: number, b: number): DoubleDouble {
  const hi = a * b;
  const a1 = a * SPLIT - (a * SPLIT - a);
  const a2 = a - a1;
  const b1 = b * SPLIT - (b * SPLIT - b);
  const b2 = b - b1;
  return { hi, lo: a1 * b1 - hi + a1 * b2 + a2 * b1 + a2 * b2 };
}

/** a + b to about 2^-104 of the greater of |a| and |b|. */
export function sum(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const s = twoSum(a.hi, b.hi);
  return quickSum(s.hi, s.lo + (a.lo + b.lo));
}

/** a · b to about 2^-102 of itself. */
export function product(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const p = twoProduct(a.hi, b.hi);
  return quickSum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/** a / b to about 2^-100 of itself. */
export function quotient(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const q = a.hi / b.hi;
  const p = twoProduct(q, b.hi);
  return quickSum(q, (a.hi - p.hi - p.lo + a.lo - q * b.lo) / b.hi);
}
