import { ShapeError } from "../../src/errors.ts";
import {
  allocKVLayer,
  type BlockPattern,
  type Kernels,
  KV_BLOCK,
  type KVFormat,
  type KVLayer,
} from "../../src/kernels/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { bitsOf, EPS, onlyWrites } from "./compare.ts";
import { bench, KINDS, place } from "./kinds.ts";

/** Sizes of one case; `qkv` [S, H + 2K, dh] holds all positions of the sequence. */
interface Case {
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

function make(seed: number, format: KVFormat, sizes: Omit<Case, "seed" | "qkv" | "scale" | "format">): Case {
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
function formula({ qkv, ...sizes }: Case, from: number, to: number): { out: number[]; bound: number[] } {
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
function cacheOf(arena: Arena, c: Case, seed: number): KVLayer {
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
function run(arena: Arena, kernels: Kernels, c: Case, chunks: readonly number[], seed: number): Tensor {
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

suite("kernels/attention", ({ test, assert }) => {
  const check = (got: Float32Array, c: Case, from: number, to: number, strict: boolean, note: string) => {
    const { out, bound } = formula(c, from, to);
    for (let i = 0; i < out.length; i++) {
      const allowed = strict ? bound[i] : 1.01 * EPS * Math.abs(out[i]) + 1e-12;
      const error = Math.abs(got[i] - out[i]);
      if (!(error <= allowed)) assert.atMost(error, allowed, `${note} [${i}], expected ${out[i]}, off by`);
    }
  };

  for (const [kind, format] of KINDS.flatMap((kind) => [[kind, "f32"] as const, [kind, "int8"] as const])) {
    const claim =
      kind === "reference"
        ? "within 1.01 roundings (2^-24)"
        : format === "f32"
          ? "within the bound of float32 sums"
          : "within the bound of float32 sums and of queries and weights in 14 bits";

    for (const dh of [1, 3, 8, 16, 24, 32, 80, 96, 128, 512]) {
      test(`${kind}, ${format}: ${claim} of softmax(q kᵀ) v in float64, dh ${dh}, grouped heads, shuffled blocks`, () => {
        for (const [H, K] of [
          [6, 2],
          [2, 2],
          [3, 1],
        ]) {
          const c = make(dh + H, format, { H, K, dh, S: 37, window: 0 });
          const { arena, kernels } = bench(kind, 8);
          check(run(arena, kernels, c, [37], 1).f32, c, 0, 37, kind !== "reference", `H ${H}, K ${K}`);
        }
      });
    }

    test(`${kind}, ${format}: ${claim} for T in 1 … 5, 33 and starts at 0, 1, 31, 32, 33, 100`, () => {
      for (const start of [0, 1, 31, 32, 33, 100]) {
        for (const T of [1, 2, 3, 4, 5, 33]) {
          const c = make(start + T, format, { H: 4, K: 2, dh: 16, S: start + T, window: 0 });
          const { arena, kernels } = bench(kind, 2);
          const out = run(arena, kernels, c, start ? [start, T] : [T], start + 2);
          check(out.f32.subarray(start * 64), c, start, start + T, kind !== "reference", `start ${start}, T ${T}`);
        }
      }
    });

    for (const window of [1, 2, 31, 32, 33, 64, 65, 100000]) {
      test(`${kind}, ${format}: ${claim} with a window of ${window}; keys outside of it may be NaN`, () => {
        const S = 140;
        const c = make(window, format, { H: 4, K: 2, dh: 24, S, window });
        const { arena, kernels } = bench(kind, 2);
        const out = run(arena, kernels, c, [S], 7);
        check(out.f32, c, 0, S, kind !== "reference", "");
        // The same last token with all keys and values before its window destroyed.
        const cache = cacheOf(arena, c, 8);
        const qkv = place(arena, [S, 8, 24], c.qkv);
        kernels.storeKV(cache, qkv, 0);
        const gone = Math.max(0, S - window);
        if (gone === 0) return;
        const junk = place(arena, [gone, 8, 24], new Float32Array(gone * 8 * 24).fill(NaN));
        kernels.storeKV(cache, junk, 0);
        const last = Tensor.alloc(arena, "f32", [1, 4, 24]);
        kernels.attention(last, qkv.rows(S - 1, S), cache, S - 1, window, c.scale);
        assert.deepEqual(bitsOf(last), bitsOf(out.rows(S - 1, S)));
      });
    }

    test(`${kind}, ${format}: the same bits however the sequence is cut into chunks and wherever its blocks lie`, () => {
      for (const [dh, window] of [
        [16, 0],
        [80, 0],
        [128, 47],
        [7, 33],
      ]) {
        const S = 133;
        const c = make(dh, format, { H: 6, K: 2, dh, S, window });
        const { arena, kernels } = bench(kind, 8);
        const whole = bitsOf(run(arena, kernels, c, [S], 1));
        const ways = [Array(S).fill(1), [1, 31, 1, 100], [32, 32, 32, 32, 5], [33, 7, 64, 29], [131, 2]];
        for (const [i, chunks] of ways.entries()) {
          const mark = arena.mark();
          assert.deepEqual(bitsOf(run(arena, kernels, c, chunks, i + 2)), whole, `dh ${dh}, chunks ${chunks}`);
          arena.release(mark);
        }
      }
    });

    for (const [size, local, stride, step] of [
      [32, 1, 2, 1],
      [32, 2, 3, 0],
      [64, 1, 3, 1],
      [96, 1, 8, 2],
      [64, 1, 1, 1],
    ]) {
      test(`${kind}, ${format}: ${claim} over blocks of ${size} of which heads see ${local} local ones and every ${stride}th (step ${step}), with the same bits for any chunks`, () => {
        const S = 300;
        const pattern = { size, local, stride, step };
        for (const [dh, window] of [
          [16, 0],
          [24, 111],
        ]) {
          const c = { ...make(size + stride, format, { H: 6, K: 2, dh, S, window }), pattern };
          const { arena, kernels } = bench(kind, 4);
          const whole = run(arena, kernels, c, [S], 1);
          check(whole.f32, c, 0, S, kind !== "reference", `dh ${dh}`);
          // The definition reads the whole cache in each call.
          const singly = kind === "reference" ? [298, 1, 1] : Array(S).fill(1);
          for (const [i, chunks] of [singly, [33, 7, 60, 200], [64, 64, 64, 64, 44]].entries()) {
            const mark = arena.mark();
            assert.deepEqual(bitsOf(run(arena, kernels, c, chunks, i + 2)), bitsOf(whole), `chunks ${chunks}`);
            arena.release(mark);
          }
        }
      });
    }

    test(`${kind}, ${format}: of a block that no head of its key head sees nothing is read: its number in the table may be nonsense`, () => {
      const S = 220;
      const pattern = { size: 32, local: 1, stride: 4, step: 1 };
      const c = { ...make(5, format, { H: 2, K: 1, dh: 16, S, window: 0 }), pattern };
      const { arena, kernels } = bench(kind, 2);
      const whole = run(arena, kernels, c, [S], 3);
      const cache = cacheOf(arena, c, 4);
      const qkv = place(arena, [S, 4, 16], c.qkv);
      kernels.storeKV(cache, qkv, 0);
      // Head 0 sees block 3, head 1 block 2, both the last one, 6; a block of such a number would lie outside of memory.
      for (const unseen of [0, 1, 4, 5]) cache.table.data[unseen] = 2 ** 20;
      const last = Tensor.alloc(arena, "f32", [1, 2, 16]);
      kernels.attention(last, qkv.rows(S - 1, S), cache, S - 1, 0, c.scale, pattern);
      assert.deepEqual(bitsOf(last), bitsOf(whole.rows(S - 1, S)));
    });

    test(`${kind}, ${format}: more (token, head) pairs of one key head than are taken at once give the same bits as one by one`, () => {
      const c = make(3, format, { H: 40, K: 1, dh: 8, S: 45, window: 40 });
      const { arena, kernels } = bench(kind, 2);
      const whole = bitsOf(run(arena, kernels, c, [45], 1));
      assert.deepEqual(bitsOf(run(arena, kernels, c, Array(45).fill(1), 2)), whole);
      check(run(arena, kernels, c, [45], 1).f32, c, 0, 45, kind !== "reference", "");
    });

    test(`${kind}, ${format}: writes to nothing but its output`, () => {
      for (const dh of [3, 16, 96]) {
        const c = make(dh, format, { H: 4, K: 2, dh, S: 35, window: 0 });
        const { arena, kernels } = bench(kind, 1);
        const cache = cacheOf(arena, c, 3);
        const qkv = place(arena, [35, 8, dh], c.qkv);
        kernels.storeKV(cache, qkv, 0);
        const out = Tensor.alloc(arena, "f32", [2, 4, dh]);
        onlyWrites(assert, arena, [out], () => kernels.attention(out, qkv.rows(33, 35), cache, 33, 0, 1));
      }
    });

    test(`${kind}, ${format}: scores from -4000 to 4000 saturate to one key; equal scores give the mean; a NaN key makes its group's heads NaN only`, () => {
      const { arena, kernels } = bench(kind, 1);
      const one = (H: number, K: number, S: number, fill: (j: number, head: number) => number) => {
        const dh = 4;
        const qkv = Float32Array.from({ length: S * (H + 2 * K) * dh }, (_, at) => {
          const head = Math.floor(at / dh) % (H + 2 * K);
          return fill(Math.floor(at / (dh * (H + 2 * K))), head);
        });
        const c = { seed: 0, format, H, K, dh, S, window: 0, scale: 1, qkv };
        return [...run(arena, kernels, c, [S], 1).rows(S - 1, S).f32];
      };
      // Heads 0 (query), 1 (key), 2 (value): key j scores 1000·(j - 20) · 0.2, or the other way round.
      assert.deepEqual(
        one(1, 1, 41, (j, head) => [1, 50 * (j - 20), j][head]),
        Array(4).fill(40),
      );
      assert.deepEqual(
        one(1, 1, 41, (j, head) => [1, 50 * (20 - j), j][head]),
        Array(4).fill(0),
      );
      assert.close(
        one(1, 1, 65, (j, head) => [1, 0.5, j][head]),
        Array(4).fill(32),
        format === "int8" ? 2 ** -11 : 0, // 65 weights in 14 bits
      );
      // Heads 0, 1 (queries), 2, 3 (keys), 4, 5 (values): key 3 of group 0 is NaN.
      const mixed = one(2, 2, 6, (j, head) => (head === 2 && j === 3 ? NaN : 1));
      assert.deepEqual(mixed, [NaN, NaN, NaN, NaN, 1, 1, 1, 1]);
      // The same for a value that is infinite, and for a query.
      const infinite = one(2, 2, 6, (j, head) => (head === 4 && j === 3 ? Infinity : 1));
      assert.deepEqual(infinite, [...Array(4).fill(format === "int8" ? NaN : Infinity), 1, 1, 1, 1]);
      assert.deepEqual(
        one(2, 2, 6, (j, head) => (head === 0 && j === 5 ? NaN : 1)),
        mixed,
      );
    });

    test(`${kind}, ${format}: a window or a start that is no integer of 0 or more, heads that do not group, and a pattern that is none, are refused`, () => {
      const { arena, kernels } = bench(kind, 1);
      const c = make(1, format, { H: 3, K: 2, dh: 4, S: 2, window: 0 });
      const cache = cacheOf(arena, c, 1);
      const call = (H: number, start: number, window: number, pattern?: BlockPattern) => {
        const qkv = place(arena, [1, H + 4, 4], new Float32Array((H + 4) * 4));
        kernels.attention(Tensor.alloc(arena, "f32", [1, H, 4]), qkv, cache, start, window, 1, pattern);
      };
      const pattern = { size: 64, local: 1, stride: 8, step: 1 };
      call(4, 1, 0, pattern);
      for (const wrong of [{ size: 0 }, { size: 48 }, { local: 0 }, { stride: 0 }, { step: -1 }, { stride: 1.5 }])
        assert.throws(() => call(4, 1, 0, { ...pattern, ...wrong }), ShapeError, /attention: pattern/);
      call(4, 1, 0);
      assert.throws(() => call(4, 1, -1), ShapeError, /window/);
      assert.throws(() => call(4, 1, Number.NaN), ShapeError, /window/);
      assert.throws(() => call(4, 1, 2 ** 32 + 1), ShapeError, /window/);
      assert.throws(() => call(4, -1, 0), ShapeError, /start/);
      assert.throws(() => call(4, 32, 0), ShapeError, /table/);
      assert.throws(() => call(3, 1, 0), ShapeError, /a multiple of 2/);
    });
  }
});
