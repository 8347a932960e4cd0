/** x · factor in place; each product is rounded once. Without a factor nothing happens. */
export function scale(x: Float32Array, factor = 1): void {
  if (factor === 1) return;
  for (let i = 0; i < x.length; i++) x[i] *= factor;
}
