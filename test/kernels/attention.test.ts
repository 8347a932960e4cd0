import { ShapeError } from "../../src/errors.ts";
import type { BlockPattern } from "../../src/kernels/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { type Case, cacheOf, formula, make, run } from "./attention-cases.ts";
import { bitsOf, EPS, onlyWrites } from "./compare.ts";
import { bench, KINDS, place } from "./kinds.ts";

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
