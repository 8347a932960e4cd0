import { exp } from "../../math/index.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, F] = silu(gate) · up of gateUp [T, 2F] = [gate; up], silu(g) = g / (1 + e^-g).
 * In float64. Error: one rounding to float32; silu(-∞) is NaN. Source: N. Shazeer, "GLU Variants Improve Transformer" (2020); HF Phi3MLP.
 */
export function swiglu(out: Tensor, gateUp: Tensor): void {
  const [T, F] = out.shape;
  const x = gateUp.f32;
  const o = out.f32;
  for (let t = 0; t < T; t++) {
    for (let f = 0; f < F; f++) {
      const gate = x[2 * t * F + f];
      const up = x[(2 * t + 1) * F + f];
      o[t * F + f] = (gate / (1 + exp(-gate))) * up;
    }
  }
}
