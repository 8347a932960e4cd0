/** The gap between the float64 next to x and its neighbour away from 0; 2^-1074 for denormals. */
export function ulp(x: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -1022) return 2 ** -1074;
  let e = Math.floor(Math.log2(size));
  if (2 ** e > size) e--;
  if (2 ** (e + 1) <= size) e++;
  return 2 ** Math.max(e - 52, -1074);
}

/** |got - (hi + lo)| in ulps of hi, hi being the float64 next to the true value. */
export function errorInUlps(got: number, hi: number, lo: number): number {
  return Object.is(got, hi) && !Number.isFinite(hi) ? 0 : Math.abs((got - hi - lo) / ulp(hi));
}
