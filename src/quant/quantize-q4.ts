import { f16ToF32, f32ToF16, roundEven } from "../tensor/convert.ts";
import { GROUP } from "./packed-matrix.ts";
import { NAN_SCALE, SMALLEST, scaleBits } from "./scale.ts";

/**
 * The scales that the search tries: k · 64, where the weight of largest magnitude m comes to lie at -k. Chosen by the squared error over
 * normal weights and over phi-tiny's: these five have 96 % of what a search over 60 scales gains; k = 8, which is ggml's Q4_0, is one of
 * them, so that no group comes out noticeably worse than there.
 */
const CANDIDATES: readonly number[] = [456, 496, 512, 532, 560]; // k = 7.125, 7.75, 8, 8.3125, 8.75

/** A group with a weight of this magnitude or more (8 · the largest f16, near enough) cannot be held: its scale becomes NaN. */
const Q4_LIMIT = 2 ** 19;

/**
 * 32 weights to nibbles n and a scale s of either sign, w ≈ (n - 8) · s, with s searched for the least Σ(w - ŵ)².
 *
 * For given integers q the best scale is Σqw / Σq² and leaves the error Σw² - (Σqw)² / Σq²: so each candidate rounds the weights to
 * integers, and the one with the largest (Σqw)² / Σq² has its best scale taken. The search works on w scaled to the integers X in ±512,
 * so that its sums are exact and their order is free; the nibbles themselves are the nearest for the f16 that is stored.
 * Every step is an integer operation or one float32 operation, hence the same bits everywhere. Groups that come from Q4_0 return unchanged.
 *
 * Special groups: all |w| ≤ 2^-25 (below the smallest f16): s = 0, n = 8. Any |w| ≥ 2^19, infinite or NaN: s = NaN, n = 8 (see check.ts).
 * @param w f32 [32]
 * @param n u8 [32]: receives the nibbles
 * @returns the bits of s as f16
 */
export function quantizeQ4(w: Float32Array, n: Uint8Array): number {
  const m = extreme(w);
  if (!(Math.abs(m) < Q4_LIMIT) || Math.abs(m) <= SMALLEST / 2) {
    n.fill(8);
    return Math.abs(m) <= SMALLEST / 2 ? 0 : NAN_SCALE;
  }
  const t = f32(-512 / m);
  for (let i = 0; i < GROUP; i++) X[i] = roundEven(f32(w[i] * t));

  let best = -1;
  let d = 0; // the scale, in units of X
  for (const K of CANDIDATES) {
    let S = 0; // Σ q X ≤ 2^17
    let N = 0; // Σ q² ≤ 2^11
    for (let i = 0; i < GROUP; i++) {
      const q = clamp((X[i] * K + 0x4000) >> 15); // 512 · 64 = 2^15
      S += q * X[i];
      N += q * q;
    }
    const score = f32(f32(S * S) / N);
    if (score > best) {
      best = score;
      d = f32(S / N);
    }
  }

  const scale = scaleBits(f32ToF16(f32(d / t)));
  const r = f32(1 / f16ToF32(scale));
  for (let i = 0; i < GROUP; i++) n[i] = clamp(roundEven(f32(w[i] * r))) + 8;
  return scale;
}

/** The weight of largest magnitude with its sign, the positive one among equals; NaN if there is a NaN. */
function extreme(w: Float32Array): number {
  let high = 0;
  let low = 0;
  for (let i = 0; i < GROUP; i++) {
    high = Math.max(high, w[i]);
    low = Math.min(low, w[i]);
  }
  return high >= -low ? high : low;
}

const f32 = Math.fround;
const clamp = (q: number): number => Math.min(7, Math.max(-8, q));
const X = new Int16Array(GROUP);
