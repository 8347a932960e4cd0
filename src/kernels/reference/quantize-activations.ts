import { GROUP, groupsOf } from "../../quant/packed-matrix.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { groupAt } from "../int8-rows.ts";
import type { Int8Rows } from "../kernels.ts";

/** Adding and subtracting it rounds a small float64 to the nearest integer, ties to even: its unit in the last place is 1. */
const ROUND = 1.5 * 2 ** 52;

/**
 * Rows of x [T, C] as int8 groups of 32 along C. Every step is a float32 operation, so both implementations give the same bits:
 *
 *     amax  = max |x|                        of the group; inputs past C count as 0
 *     scale = f32(amax / 127)
 *     q     = nearestEven(f32(x / scale))    clamped to -127 … 127; 0 where scale is 0
 *     offset = -8 Σ q                        i16, of the inputs k mod 4 = 0, 1 and of the others; and then Σ q of k < 16 and of the others
 *     pairs  = q, in another order           i16; this order, and that of tokens, are Int8Rows'
 *
 * A group that holds a NaN, or a number of 2^70 or more, gets scale NaN and q 0, so that all that is computed from it is NaN and nothing is silently wrong.
 * Error: |x - q · scale| ≤ scale · (1/2 + 2^-16) where amax ≥ 2^-119; scale is a subnormal number below that.
 * Source: ggml's Q8_0 activations (dynamic symmetric quantization by groups), but with a true division and a float32 scale.
 */
export function quantizeActivations(out: Int8Rows, x: Tensor): void {
  const { rows: T, cols: C } = out;
  const G = groupsOf(C);
  const [src, q, scales, offsets, pairs] = [x.f32, out.q.data, out.scale.f32, out.offset.data, out.pairs.data];
  for (let t = 0; t < T; t++) {
    for (let g = 0; g < G; g++) {
      const from = g * GROUP;
      const n = Math.min(GROUP, C - from);
      const group = src.subarray(t * C + from, t * C + from + n);
      const scale = scaleOf(group, LIMIT);
      const at = groupAt(T, G, t, g);
      const ints = q.subarray(at * GROUP, (at + 1) * GROUP) as Int8Array;
      const sums = [0, 0]; // by k mod 4
      const halves = [0, 0]; // by k < 16
      for (let k = 0; k < GROUP; k++) {
        ints[k] = k < n ? toInt8(group[k], scale) : 0;
        sums[(k >> 1) & 1] += ints[k];
        halves[k >> 4] += ints[k];
      }
      scales[at] = scale;
      offsets.set([-8 * sums[0], -8 * sums[1], halves[0], halves[1]], 4 * at);
      for (let k = 0; k < GROUP; k += 8) {
        const eight = t < T - (T % 4) ? ofFour(ints.subarray(k, k + 8)) : ofOne(ints.subarray(k, k + 8));
        pairs.set(eight, at * GROUP + k);
      }
    }
  }
}

/** 8 neighbours of one of four tokens, as `pairs` has them. */
const ofFour = (a: Int8Array): number[] => [0, 2, 1, 3, 4, 6, 5, 7].map((k) => a[k]);

/** 8 neighbours of a single token, as `pairs` has them: what (k, k + 2), (k + 4, k + 6), … get from those before them is taken off. */
const ofOne = (a: Int8Array): number[] =>
  [0, 2, 4, 6, 1, 3, 5, 7].map((k, i, order) => a[k] - (i < 2 ? 0 : 16 * a[order[i - 2]]));

/** From here on a value counts as infinite: sums are held times 2^-48 and scales are f16, so that not all float32 have room as activations. */
const LIMIT = 2 ** 70;

/** f32(max |x| / 127), NaN if one of them is NaN, or `limit` or more. */
export function scaleOf(x: Float32Array, limit = Infinity): number {
  let amax = 0;
  for (const value of x) amax = Math.max(amax, Math.abs(value)); // Math.max of a NaN is NaN
  return amax < limit ? Math.fround(amax / 127) : Number.NaN;
}

export function toInt8(x: number, scale: number): number {
  return scale > 0 ? Math.max(-127, Math.min(127, Math.fround(x / scale) + ROUND - ROUND)) : 0;
}
