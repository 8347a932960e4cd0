import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, D] = (x - mean(x)) / sqrt(var(x) + eps) · weight[D] + bias[D], mean and biased variance over each row.
 * Accumulator: float64. Error: one rounding to float32. Source: J. Ba et al., "Layer Normalization" (2016); torch.nn.LayerNorm.
 */
export function layernorm(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: number): void {
  const [T, D] = x.shape;
  const w = weight.f32;
  const b = bias.f32;
  for (let t = 0; t < T; t++) {
    const row = x.f32.subarray(t * D, (t + 1) * D);
    const o = out.f32.subarray(t * D, (t + 1) * D);
    let sum = 0;
    for (let d = 0; d < D; d++) sum += row[d];
    const mean = sum / D;
    let squares = 0;
    for (let d = 0; d < D; d++) squares += (row[d] - mean) * (row[d] - mean);
    const r = 1 / Math.sqrt(squares / D + eps);
    for (let d = 0; d < D; d++) o[d] = (row[d] - mean) * r * w[d] + b[d];
  }
}
