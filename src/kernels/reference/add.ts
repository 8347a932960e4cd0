import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out = a + b, element by element, in float32 (one rounding; the sum of two float32 is formed exactly in float64 first).
 * Any equal shapes; out may be a or b. Error: half a unit in the last place.
 * Source: the residual connections of HF Phi3DecoderLayer.
 */
export function add(out: Tensor, a: Tensor, b: Tensor): void {
  const o = out.f32;
  const x = a.f32;
  const y = b.f32;
  for (let i = 0; i < o.length; i++) o[i] = x[i] + y[i];
}
