import { GROUP, groupsOf } from "../../quant/packed-matrix.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Int8Rows } from "../kernels.ts";

/** Adding and subtracting it rounds a small float64 to the nearest integer, ties to even: its unit in the last place is 1. */
const ROUND = 1.5 * 2 ** 52;

/**
 * Rows of x [T, C] as int8 groups of 32 along C. Every step is a float32 operation, so both implementations give the same bits:
 *
 *     amax  = max |x|                        of the group; inputs past C count as 0
 *     scale = f32(amax / 127)
 *     q     = nearestEven(f32(x / scale))    clamped to -127 … 127; 0 where scale is 0
 *     sum   = Σ q                            i32
 *     pairs = q                              i16, each 8 neighbours in the order 0 2 4 6 1 3 5 7
 *
 * A group that holds an infinity or a NaN gets scale NaN and q 0, so that all that is computed from it is NaN and nothing is silently wrong.
 * Error: |x - q · scale| ≤ scale · (1/2 + 2^-16) where amax ≥ 2^-119; scale is a subnormal number below that.
 * Source: ggml's Q8_0 activations (dynamic symmetric quantization by groups), but with a true division and a float32 scale.
 */
export function quantizeActivations(out: Int8Rows, x: Tensor): void {
  const { rows: T, cols: C } = out;
  const G = groupsOf(C);
  const [src, q, scales, sums, pairs] = [x.f32, out.q.data, out.scale.f32, out.sum.data, out.pairs.data];
  for (let t = 0; t < T; t++) {
    for (let g = 0; g < G; g++) {
      const from = g * GROUP;
      const n = Math.min(GROUP, C - from);
      const group = src.subarray(t * C + from, t * C + from + n);
      const scale = scaleOf(group);
      const at = (t * G + g) * GROUP;
      let sum = 0;
      for (let k = 0; k < GROUP; k++) {
        const int = k < n ? toInt8(group[k], scale) : 0;
        q[at + k] = int;
        pairs[at + (k & 24) + ((k & 7) >> 1) + (k & 1) * 4] = int;
        sum += int;
      }
      scales[t * G + g] = scale;
      sums[t * G + g] = sum;
    }
  }
}

/** f32(max |x| / 127), NaN if one of them is infinite or NaN. */
export function scaleOf(x: Float32Array): number {
  let amax = 0;
  for (const value of x) amax = Math.max(amax, Math.abs(value)); // Math.max of a NaN is NaN
  return amax < Infinity ? Math.fround(amax / 127) : Number.NaN;
}

export function toInt8(x: number, scale: number): number {
  return scale > 0 ? Math.max(-127, Math.min(127, Math.fround(x / scale) + ROUND - ROUND)) : 0;
}
