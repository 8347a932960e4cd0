/**
 * SparseMixer-v2's choice of two experts, as it is at inference (L. Liu et al., "GRIN: GRadient-INformed MoE", arXiv 2409.12136; HF
 * `sparsemixer` in modeling_phimoe). Letters: T tokens, E experts.
 */
import { exp } from "../math/index.ts";

const f32 = Math.fround;

/**
 * Two experts for each token and what their outputs are multiplied by.
 *
 * The first is the one with the greatest score; its weight is its softmax among the experts whose scores come near to its own:
 *
 *     (s_max - s) / max(|s|, s_max) ≤ 2 · jitter
 *
 * The second is found in the same way without the first. The weights are not brought to a sum of 1: mostly nobody comes near, and both are 1.
 * All in float32 as the reference computes it, so that whoever is near there is near here; among equals the lowest expert.
 *
 * @param chosen i32 [T, 2], receives the experts
 * @param weights f32 [T, 2], receives their weights
 * @param scores f32 [T, E]
 * @param jitter router_jitter_noise
 */
export function sparsemixer(
  chosen: Int32Array,
  weights: Float32Array,
  scores: Float32Array,
  E: number,
  jitter: number,
): void {
  const near = f32(2 * jitter);
  for (let t = 0; t < scores.length / E; t++) {
    const s = scores.subarray(t * E, (t + 1) * E);
    for (let i = 0; i < 2; i++) {
      const without = i === 0 ? -1 : chosen[2 * t];
      const best = greatest(s, without);
      chosen[2 * t + i] = best;
      weights[2 * t + i] = weightOf(s, best, without, near);
    }
  }
}

/** The lowest index of the greatest score, `without` left out; of scores that are no numbers the first. */
function greatest(s: Float32Array, without: number): number {
  let best = without === 0 ? 1 : 0;
  for (let e = best + 1; e < s.length; e++) if (e !== without && s[e] > s[best]) best = e;
  return best;
}

/** Softmax of the greatest score among those near it: 1 / Σ e^(s - max). */
function weightOf(s: Float32Array, best: number, without: number, near: number): number {
  const max = s[best];
  let sum = 0;
  for (let e = 0; e < s.length; e++) {
    if (e === without) continue;
    const factor = Math.max(Math.abs(s[e]), max);
    if (!(f32(f32(max - s[e]) / factor) > near)) sum += exp(s[e] - max);
  }
  return f32(1 / sum);
}
