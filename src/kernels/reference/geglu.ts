import { exp } from "../../math/index.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, F] = g · sigmoid(1.702 g) · (u + 1), sigmoid(v) = 1 / (1 + e^-v), of x [T, 2F] = gate 0, up 0, gate 1, up 1, …: g = min(gate, limit),
 * u = up between -limit and limit. An infinity stays one.
 * In float64. Error: one rounding to float32; gate -∞ gives NaN (-∞ · 0). Source: `gegelu` and `quick_gelu` in modeling_phi3_small.py of
 * microsoft/Phi-3-small-8k-instruct; the sigmoid in place of Φ: D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units" (2016), section 2.
 */
export function geglu(out: Tensor, x: Tensor, limit: number): void {
  const most = Math.fround(limit);
  const v = x.f32;
  const o = out.f32;
  for (let i = 0; i < o.length; i++) {
    const gate = clamp(v[2 * i], -Infinity, most);
    const up = clamp(v[2 * i + 1], -most, most);
    o[i] = (gate / (1 + exp(-1.702 * gate))) * (up + 1);
  }
}

/** NaN and the infinities as they are. */
function clamp(x: number, least: number, most: number): number {
  if (Math.abs(x) === Infinity) return x;
  return x > most ? most : x < least ? least : x;
}
