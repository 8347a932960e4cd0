import { f16ToF32, f32ToF16, roundEven } from "../tensor/convert.ts";
import { GROUP } from "./packed-matrix.ts";
import { NAN_SCALE, SMALLEST } from "./scale.ts";

/** A group with a weight of this magnitude or more is not held (f16 scales would end at 127 · 65504, about 2^23): its scale becomes NaN. */
const Q8_LIMIT = 2 ** 22;

/**
 * 32 weights to int8 and a scale, w ≈ q · s: s = max|w| / 127 as the nearest f16, or the next greater one where f16 is so coarse that the
 * largest weight would be clipped (127.5 s or more); q = w / s rounded to nearest even. Hence |w - q·s| ≤ s/2, up to the rounding of
 * float32. Every step is one float32 operation. The nearest scale, as ggml's Q8_0 has it: always rounding up costs phi-tiny 12 of 16,541 first choices.
 *
 * Special groups: all |w| ≤ 2^-25: s = 0, q = 0. Any |w| ≥ 2^22, infinite or NaN: s = NaN, q = 0 (see check.ts).
 * @param w f32 [32]
 * @param q i8 [32]: receives the integers
 * @returns the bits of s as f16
 */
export function quantizeQ8(w: Float32Array, q: Int8Array): number {
  let max = 0;
  for (let i = 0; i < GROUP; i++) max = Math.max(max, Math.abs(w[i]));
  if (!(max < Q8_LIMIT) || max <= SMALLEST / 2) {
    q.fill(0);
    return max <= SMALLEST / 2 ? 0 : NAN_SCALE;
  }
  const d = f32(max / 127);
  let scale = f32ToF16(d);
  if (scale === 0 || f32(max * f32(1 / f16ToF32(scale))) >= 127.5) scale++;
  const r = f32(1 / f16ToF32(scale));
  for (let i = 0; i < GROUP; i++) q[i] = roundEven(f32(w[i] * r));
  return scale;
}

const f32 = Math.fround;
