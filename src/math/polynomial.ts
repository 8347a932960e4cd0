/** c[0] + c[1]·x + c[2]·x² + …, by Horner's rule, from the highest power down. */
export function polynomial(x: number, c: readonly number[]): number {
  let value = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) value = value * x + c[i];
  return value;
}
