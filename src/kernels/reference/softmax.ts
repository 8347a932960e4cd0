import { exp } from "../../math/index.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, N] = e^(x - max) / Σ e^(x - max) along the rows of x [T, N]; out may be x.
 * A row with NaN or ∞ in it, or with nothing but -∞, becomes NaN throughout. Accumulator: float64. Error: one rounding to float32.
 * Source: torch.softmax, whose special cases these are.
 */
export function softmax(out: Tensor, x: Tensor): void {
  const [T, N] = x.shape;
  const e = new Float64Array(N);
  for (let t = 0; t < T; t++) {
    const row = x.f32.subarray(t * N, (t + 1) * N);
    let max = -Infinity;
    for (let i = 0; i < N; i++) if (row[i] > max) max = row[i];
    let sum = 0;
    for (let i = 0; i < N; i++) sum += e[i] = exp(row[i] - max);
    const o = out.f32.subarray(t * N, (t + 1) * N);
    for (let i = 0; i < N; i++) o[i] = e[i] / sum;
  }
}
