import { twoProduct } from "./double-double.ts";
import { expMinusOne } from "./exp.ts";

/**
 * The hyperbolic tangent. Error: at most 0.8 ulp. tanh(±0) = ±0, tanh(±∞) = ±1, tanh(NaN) = NaN.
 *
 * tanh x = E / (E + 2) with E = e^(2x) - 1, which loses nothing near 0.
 */
export function tanh(x: number): number {
  const size = Math.abs(x);
  // 1 - tanh(20) = 8.5e-18, below half an ulp of 1; and tanh x = x - x³/3 + … is x below 2^-28 = 3.7e-9.
  if (size > 20) return x > 0 ? 1 : -1;
  if (!(size > 3.7e-9)) return x;
  const { head, tail } = expMinusOne(2 * size);
  const E = head + tail;
  const low = head - E + tail;
  const below = E + 2;
  const belowLow = (E > 2 ? E - below + 2 : 2 - below + E) + low;
  const q = E / below;
  const p = twoProduct(q, below);
  const value = q + (E - p.hi - p.lo + low - q * belowLow) / below;
  return x > 0 ? value : -value;
}
