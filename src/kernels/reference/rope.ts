import type { Tensor } from "../../tensor/tensor.ts";

/**
 * In place on x [T, n, dh]: in each of the first `heads` heads, dims i and i + R/2 (i < R/2) are the plane that turns by the angle whose cos and
 * sin are [T, R/2]; dims R … dh - 1 stay.
 *
 *     x[i]       = x[i] · cos - x[i + R/2] · sin
 *     x[i + R/2] = x[i + R/2] · cos + x[i] · sin
 *
 * In float64. Error: one rounding to float32. Source: J. Su et al., "RoFormer" (2021), in the half-split form of HF apply_rotary_pos_emb.
 */
export function rope(x: Tensor, heads: number, cos: Tensor, sin: Tensor): void {
  const [T, n, dh] = x.shape;
  const half = cos.shape[1];
  const c = cos.f32;
  const s = sin.f32;
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < heads; h++) {
      const head = x.f32.subarray((t * n + h) * dh, (t * n + h + 1) * dh);
      for (let i = 0; i < half; i++) {
        const a = head[i];
        const b = head[i + half];
        head[i] = a * c[t * half + i] - b * s[t * half + i];
        head[i + half] = b * c[t * half + i] + a * s[t * half + i];
      }
    }
  }
}
