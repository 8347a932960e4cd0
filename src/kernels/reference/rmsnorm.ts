import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, D] = x / sqrt(mean(x²) + eps) · weight[D], the mean over each row.
 * Accumulator: float64. Error: one rounding to float32. Source: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization" (2019);
 * HF Phi3RMSNorm, which rounds the normalized row to float32 once before it is weighted.
 */
export function rmsnorm(out: Tensor, x: Tensor, weight: Tensor, eps: number): void {
  const [T, D] = x.shape;
  const w = weight.f32;
  for (let t = 0; t < T; t++) {
    const row = x.f32.subarray(t * D, (t + 1) * D);
    const o = out.f32.subarray(t * D, (t + 1) * D);
    let squares = 0;
    for (let d = 0; d < D; d++) squares += row[d] * row[d];
    const r = 1 / Math.sqrt(squares / D + eps);
    for (let d = 0; d < D; d++) o[d] = row[d] * r * w[d];
  }
}
