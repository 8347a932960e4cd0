import { f16ToF32, f32ToF16 } from "../../src/tensor/index.ts";
import { randomSource } from "../random.ts";

/** Σ (w - q·s)² of a group, in float64. */
export function squaredError(w: ArrayLike<number>, q: ArrayLike<number>, s: number): number {
  let sum = 0;
  for (let i = 0; i < w.length; i++) sum += (w[i] - q[i] * s) ** 2;
  return sum;
}

/** Σ w². */
export const energy = (w: ArrayLike<number>): number => squaredError(w, new Int8Array(w.length), 0);

/**
 * ggml's Q4_0, the quantizer to be measured against: d = m / -8 of the signed weight m of largest magnitude, n = trunc(w / d + 8.5). Of +m
 * and -m this takes the positive one, as ours does (ggml: the first): which side gets the eighth step is then a coin's throw for both.
 */
export function plainQ4(w: Float32Array): { q: Int8Array; s: number } {
  let m = 0;
  for (const x of w) if (Math.abs(x) > Math.abs(m) || x === Math.abs(m)) m = x;
  const d = Math.fround(m / -8);
  const id = d === 0 ? 0 : Math.fround(1 / d);
  const q = Int8Array.from(w, (x) => Math.min(15, Math.trunc(Math.fround(Math.fround(x * id) + 8.5))) - 8);
  return { q, s: f16ToF32(f32ToF16(d)) };
}

/** One normal number (Box-Muller). */
export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Ways to draw a weight: what real matrices look like, and what they hardly do. */
export const DRAWS: Readonly<Record<string, (next: () => number) => number>> = {
  normal,
  "normal with outliers": (next) => normal(next) * (next() < 0.03 ? 20 : 1),
  "heavy tails (t, 3 degrees)": (next) => normal(next) / Math.hypot(normal(next), normal(next), normal(next)),
  uniform: (next) => 2 * next() - 1,
  "four in five zero": (next) => (next() < 0.8 ? 0 : normal(next)),
  "small integers": (next) => Math.floor(next() * 41) - 20,
};

/** `count` groups of 32 drawn so, times `scale`. */
export function* groupsOf32(draw: (next: () => number) => number, count: number, scale = 1): Generator<Float32Array> {
  const next = randomSource(count);
  for (let i = 0; i < count; i++) yield Float32Array.from({ length: 32 }, () => draw(next) * scale);
}
