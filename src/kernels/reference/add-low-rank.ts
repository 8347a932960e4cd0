import type { Tensor } from "../../tensor/tensor.ts";
import type { LowRank } from "../low-rank.ts";

/**
 * out[t, row + n] += scale · Σ_j u[t, at + j] · b[n, j], with out f32 [T, N], u f32 [T, R] and B [n, r] (low-rank.ts).
 *
 * The reference sums in float64. What the compiled kernels compute, for any T and any tile, every operation a float32 one, rounded once:
 *
 *     acc = 0;  for j = 0 … r-1:  acc = acc + u_j · b_j;     out = out + scale · acc
 *
 * Error of that against the exact sum, u = 2^-24: (r + 2) u · scale · Σ_j |u_j b_j|, and the rounding of the last sum.
 * Source: "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685), section 4.1: h = W x + (alpha / r) · B A x; u is A x.
 */
export function addLowRank(out: Tensor, row: number, u: Tensor, at: number, b: LowRank, scale: number): void {
  const [T, N] = out.shape;
  const R = u.shape[1];
  const [o, x] = [out.f32, u.f32];
  const weights = new Float32Array(b.arena.buffer, b.ptr, b.byteLength / 4);
  for (let n = 0; n < b.rows; n++) {
    const first = (n - (n % 8)) * b.rank + (n % 8);
    for (let t = 0; t < T; t++) {
      let acc = 0;
      for (let j = 0; j < b.rank; j++) acc += x[t * R + at + j] * weights[first + 8 * j];
      o[t * N + row + n] += scale * acc;
    }
  }
}
