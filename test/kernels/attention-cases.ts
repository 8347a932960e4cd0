import {
  allocKVLayer,
  type BlockPattern,
  type Kernels,
  KV_BLOCK,
  type KVFormat,
  type KVLayer,
} from "../../src/kernels/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { randomFloats, randomSource } from "../random.ts";
import { EPS } from "./compare.ts";
import { place } from "./kinds.ts";

/** Sizes of one case; `qkv` [S, H + 2K, dh] holds all positions of the sequence. */
export interface Case {
  seed: number;
  format: KVFormat;
  H: number;
  K: number;
  dh: number;
  S: number;
  window: number;
  pattern?: BlockPattern;
  scale: number;
  qkv: Float32Array;
}

export function make(seed: number, format: KVFormat, sizes: Omit<Case, "seed" | "qkv" | "scale" | "format">): Case {
  const { H, K, dh, S } = sizes;
  return { ...sizes, seed, format, scale: 1 / Math.sqrt(dh), qkv: randomFloats(seed, S * (H + 2 * K) * dh, 0.7) };
}

/** A key or value as the cache holds it: numbers, each of which is `unit` times what is stored of it (int8), or itself (f32). */
function held(x: Float32Array, format: KVFormat): { numbers: number[]; unit: number } {
  if (format === "f32") return { numbers: [...x], unit: 0 };
  const unit = Math.fround(x.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 127);
  return { numbers: Array.from(x, (v) => unit * nearestEven(Math.fround(v / unit))), unit };
}

const nearestEven = (x: number) => x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

const formulas = new Map<string, { out: number[]; bound: number[] }>();

/** What {@link compute} gives, which is the same for all implementations. */
export function formula({ qkv, ...sizes }: Case, from: number, to: number): { out: number[]; bound: number[] } {
  const key = JSON.stringify([sizes, from, to]);
  const known = formulas.get(key) ?? compute({ qkv, ...sizes }, from, to);
  formulas.set(key, known);
  return known;
}

/** softmax(q · kᵀ · scale) · v in float64, of positions from … to - 1, and what the compiled kernels may be off by: [to - from, H, dh] each. */
function compute(c: Case, from: number, to: number): { out: number[]; bound: number[] } {
  const { H, K, dh, window, pattern, scale, qkv } = c;
  const row = (j: number, head: number) => {
    const at = (j * (H + 2 * K) + head) * dh;
    return qkv.subarray(at, at + dh);
  };
  const rows = Array.from({ length: to }, (_, j) =>
    Array.from({ length: 2 * K }, (_, g) => held(row(j, H + g), c.format)),
  );
  const out: number[] = [];
  const bound: number[] = [];
  for (let i = from; i < to; i++) {
    const first = window > 0 ? Math.max(0, i - window + 1) : 0;
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * K) / H);
      const q = row(i, h);
      const queryUnit = c.format === "int8" ? q.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 8191 : 0;
      const keys = Array.from({ length: i - first + 1 }, (_, n) => first + n).filter((j) => isSeen(pattern, h, i, j));
      const scores: number[] = [];
      let size = 0; // greatest Σ |q_d k_d| · scale
      let coarse = 0; // greatest error of a score from rounding q to integers
      for (const j of keys) {
        const k = rows[j][g].numbers;
        let [dot, abs, sum] = [0, 0, 0];
        for (let d = 0; d < dh; d++) {
          dot += q[d] * k[d];
          abs += Math.abs(q[d] * k[d]);
          sum += Math.abs(k[d]);
        }
        scores.push(dot * scale);
        size = Math.max(size, abs * scale);
        coarse = Math.max(coarse, 0.501 * queryUnit * sum * scale);
      }
      const max = Math.max(...scores);
      const e = scores.map((s) => Math.exp(s - max));
      const sum = e.reduce((a, b) => a + b, 0);
      /** By block: what a weight may be off by, from rounding to integers. */
      const weightUnits = new Map<number, number>();
      for (const [n, j] of keys.entries()) {
        const b = Math.floor(j / KV_BLOCK);
        const unit = (e[n] * rows[j][K + g].unit) / 16383;
        weightUnits.set(b, Math.max(weightUnits.get(b) ?? 0, unit));
      }
      for (let d = 0; d < dh; d++) {
        let [value, abs, rounding] = [0, 0, 0];
        for (const [n, j] of keys.entries()) {
          const { numbers, unit } = rows[j][K + g];
          value += (e[n] / sum) * numbers[d];
          abs += (e[n] / sum) * Math.abs(numbers[d]);
          const weightUnit = weightUnits.get(Math.floor(j / KV_BLOCK)) as number;
          if (unit > 0) rounding += (0.501 * weightUnit * Math.abs(numbers[d])) / unit / sum;
        }
        out.push(value);
        // A score is off by at most (dh/4 + 8) roundings of Σ|q k|·scale (its sum and s - max) and by `coarse`, a weight by twice that (e^2x
        // where it is large) and a few roundings of exp and of the corrections; the sums over n keys add at most n + dh/4 + 16 roundings more.
        const weights = Math.expm1(2 * coarse);
        const roundings = EPS * (2 * (dh / 4 + 8) * size + 2 * keys.length + 32);
        bound.push(abs * (weights + roundings * (1 + weights)) + rounding * (1 + weights) + 2 ** -140);
      }
    }
  }
  return { out, bound };
}

/** Whether head h's query at position i sees key j: local blocks of the pattern, and its stripes. */
function isSeen(pattern: BlockPattern | undefined, h: number, i: number, j: number): boolean {
  if (!pattern) return true;
  const [query, key] = [i, j].map((position) => Math.floor(position / pattern.size));
  return query - key < pattern.local || (key + 1 + h * pattern.step) % pattern.stride === 0;
}

/** A cache whose blocks lie in a random order, with NaN wherever nothing was stored (int8: in the scales, and -128 elsewhere). */
export function cacheOf(arena: Arena, c: Case, seed: number): KVLayer {
  const count = Math.ceil(c.S / KV_BLOCK);
  const blocks = count + 3;
  const next = randomSource(seed);
  const order = Array.from({ length: blocks }, (_, b) => [next(), b]).sort((a, b) => a[0] - b[0]);
  const numbers = order.slice(0, count).map((o) => o[1]);
  const cache = allocKVLayer(arena, c.format, blocks, c.K, c.dh, place(arena, [count], numbers, "i32"));
  const { k, v, scales } = cache;
  for (const t of [k, v]) t.data.fill(scales ? -128 : Number.NaN);
  for (const t of scales ? [scales.k, scales.v] : []) t.f32.fill(Number.NaN);
  return cache;
}

/** Runs the sequence through storeKV and attention in chunks of the given lengths; returns all rows' results. */
export function run(arena: Arena, kernels: Kernels, c: Case, chunks: readonly number[], seed: number): Tensor {
  const cache = cacheOf(arena, c, seed);
  const qkv = place(arena, [c.S, c.H + 2 * c.K, c.dh], c.qkv);
  const out = Tensor.alloc(arena, "f32", [c.S, c.H, c.dh]);
  out.f32.fill(NaN); // what lies in the result before must not matter
  let start = 0;
  for (const T of chunks) {
    kernels.storeKV(cache, qkv.rows(start, start + T), start);
    const [to, from] = [out, qkv].map((t) => t.rows(start, start + T));
    kernels.attention(to, from, cache, start, c.window, c.scale, c.pattern);
    start += T;
  }
  return out;
}
