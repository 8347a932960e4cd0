import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[ids[i]] += weights[i] · x[i] for the rows i = 0 … n - 1 of x [n, D], in this order; out [T, D], ids i32 [n].
 * In float32: the product is rounded, then the sum. Source: index_add_ in HF PhimoeExperts.
 */
export function addRows(out: Tensor, ids: Tensor, x: Tensor, weights: Tensor): void {
  const [n, D] = x.shape;
  const [o, v, w] = [out.f32, x.f32, weights.f32];
  for (let i = 0; i < n; i++) {
    const to = ids.data[i] * D;
    for (let d = 0; d < D; d++) o[to + d] += Math.fround(w[i] * v[i * D + d]);
  }
}
