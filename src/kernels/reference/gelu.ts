import { erfc, exp } from "../../math/index.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out = gelu(x), any shape; out may be x.
 *
 *     erf:   0.5 · x · (1 + erf(x / √2))                              = 0.5 · x · erfc(-x / √2)
 *     tanh:  0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))       = x / (1 + e^(-2·√(2/π)·(x + 0.044715 x³)))
 *
 * The forms on the right are computed: equal, and without the cancellation of 1 + (nearly -1) for negative x. In float64.
 * Error: one rounding to float32; gelu(-∞) is NaN (-∞ · 0). Source: D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units" (2016); HF gelu_new and gelu.
 */
export function gelu(out: Tensor, x: Tensor, form: "tanh" | "erf"): void {
  const f = form === "tanh" ? tanhForm : erfForm;
  const o = out.f32;
  const v = x.f32;
  for (let i = 0; i < o.length; i++) o[i] = f(v[i]);
}

const erfForm = (x: number): number => 0.5 * x * erfc(-x * Math.SQRT1_2);

/** 2·√(2/π) */
const SLOPE = 1.5957691216057308;

const tanhForm = (x: number): number => x / (1 + exp(-SLOPE * (x + 0.044715 * x * x * x)));
