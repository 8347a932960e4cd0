import { exp } from "../../math/index.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { seesBlock } from "../block-pattern.ts";
import type { BlockPattern, KVLayer } from "../kernels.ts";
import { readKV } from "../kv-layer.ts";

/**
 * out[T, H, dh] = Σ_j p_j · v_j, p = softmax_j(q · k_j · scale), for the queries q of qkv [T, H + 2K, dh] at positions i = start …, over the keys
 * j ≤ i with i - j < window (0: all) that head h sees by the pattern (none: all); query head h reads key head floor(h / (H / K)). Keys and values are
 * what the cache holds, int8 ones times their scales; what lies at masked positions does not matter.
 * Accumulator: float64, the scores of a query at once. Error: one rounding to float32.
 * Source: A. Vaswani et al., "Attention Is All You Need" (2017), eq. 1; grouped heads: J. Ainslie et al., "GQA" (2023); HF Phi3Attention.
 */
export function attention(
  out: Tensor,
  qkv: Tensor,
  cache: KVLayer,
  start: number,
  window: number,
  scale: number,
  pattern?: BlockPattern,
): void {
  const [T, H, dh] = out.shape;
  const n = qkv.shape[1];
  const K = cache.k.shape[0];
  const S = start + T;
  const p = new Float64Array(S);
  const sum = new Float64Array(dh);

  for (let g = 0; g < K; g++) {
    const k = readKV(cache, "k", g, S, dh); // [S, dh]
    const v = readKV(cache, "v", g, S, dh); // [S, dh]
    for (let t = 0; t < T; t++) {
      const i = start + t;
      const from = window > 0 ? Math.max(0, i - window + 1) : 0;
      for (let h = (g * H) / K; h < ((g + 1) * H) / K; h++) {
        const q = qkv.f32.subarray((t * n + h) * dh, (t * n + h + 1) * dh);
        let max = -Infinity;
        for (let j = from; j <= i; j++) {
          if (isHidden(pattern, h, i, j)) continue;
          let dot = 0;
          for (let d = 0; d < dh; d++) dot += q[d] * k[j * dh + d];
          p[j] = dot * scale;
          if (p[j] > max) max = p[j];
        }
        let l = 0;
        sum.fill(0);
        for (let j = from; j <= i; j++) {
          if (isHidden(pattern, h, i, j)) continue;
          const e = exp(p[j] - max);
          l += e;
          for (let d = 0; d < dh; d++) sum[d] += e * v[j * dh + d];
        }
        const o = out.f32.subarray((t * H + h) * dh, (t * H + h + 1) * dh);
        for (let d = 0; d < dh; d++) o[d] = sum[d] / l;
      }
    }
  }
}

/** Whether head h's query at position i does not see key j. */
function isHidden(pattern: BlockPattern | undefined, h: number, i: number, j: number): boolean {
  if (!pattern) return false;
  const block = (position: number) => Math.floor(position / pattern.size);
  return !seesBlock(pattern, h, block(i), block(j));
}
