import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, N] = x[T, N] + bias[N], the same bias to each row, in float32; out may be x.
 * Error: half a unit in the last place. Source: the bias of torch.nn.Linear, after the product.
 */
export function addBias(out: Tensor, x: Tensor, bias: Tensor): void {
  const [T, N] = x.shape;
  const [o, v, b] = [out.f32, x.f32, bias.f32];
  for (let t = 0, i = 0; t < T; t++) {
    for (let n = 0; n < N; n++, i++) o[i] = v[i] + b[n];
  }
}
