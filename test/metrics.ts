/**
 * How far one run of a model is from another, defined once. Logits of position t are row t of a [T, V] array; sums are float64.
 */

/** max |a - b| over all elements; NaN anywhere gives NaN. */
export function maxAbs(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (Number.isNaN(d)) return d;
    if (d > most) most = d;
  }
  return most;
}

/** ln p of one row of logits: x - max - ln Σ exp(x - max). */
export function logSoftmax(row: ArrayLike<number>): Float64Array {
  let max = -Infinity;
  for (let i = 0; i < row.length; i++) if (row[i] > max) max = row[i];
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - max);
  const shift = max + Math.log(sum);
  const logs = new Float64Array(row.length);
  for (let i = 0; i < row.length; i++) logs[i] = row[i] - shift;
  return logs;
}

/** KL(p ‖ q) = Σ p (ln p - ln q) in nats, of two rows of logits. */
export const klDivergence = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
  klOfLogs(logSoftmax(p), logSoftmax(q));

/** The same of ln p and ln q. */
export function klOfLogs(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.exp(a[i]) * (a[i] - b[i]);
  return sum;
}

/** Index of the greatest, the lowest among equals. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}
