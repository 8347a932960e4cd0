import type { Kernels } from "../kernels/kernels.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** out [T, D] = LayerNorm of x where there is a bias, and else RMSNorm: as the last norms of the architectures are. */
export function norm(k: Kernels, out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | undefined, eps: number): void {
  if (bias) k.layernorm(out, x, weight, bias, eps);
  else k.rmsnorm(out, x, weight, eps);
}
