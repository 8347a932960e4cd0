import { ShapeError } from "../../src/errors.ts";
import { KV_BLOCK } from "../../src/kernels/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, onlyWrites } from "./compare.ts";
import { bench, KINDS, place } from "./kinds.ts";

suite("kernels/storeKV", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const dh of [1, 3, 8, 16, 24, 80, 96, 128]) {
      test(`${kind}: position p goes bit for bit to block table[p / 32], row p mod 32, and nowhere else (dh ${dh})`, () => {
        const [H, K] = [4, 2];
        for (const [start, T] of [
          [0, 1],
          [0, 33],
          [31, 2],
          [32, 5],
          [100, 28],
        ]) {
          const { arena, kernels } = bench(kind, 1);
          const table = [5, 0, 3, 1];
          const size = 6 * K * KV_BLOCK * dh;
          const cache = {
            k: place(arena, [6, K, KV_BLOCK, dh], new Float32Array(size).fill(NaN)),
            v: place(arena, [6, K, KV_BLOCK, dh], new Float32Array(size).fill(NaN)),
            table: place(arena, [4], table, "i32"),
          };
          const qkv = place(arena, [T, H + 2 * K, dh], randomFloats(start + dh, T * (H + 2 * K) * dh));
          qkv.f32[H * dh] = -0; // the first key
          const expected = [bitsOf(cache.k), bitsOf(cache.v)];
          const source = bitsOf(qkv);
          for (let t = 0; t < T; t++) {
            const p = start + t;
            for (let g = 0; g < K; g++) {
              for (let d = 0; d < dh; d++) {
                const at = ((table[Math.floor(p / 32)] * K + g) * KV_BLOCK + (p % 32)) * dh + d;
                expected[0][at] = source[(t * (H + 2 * K) + H + g) * dh + d];
                expected[1][at] = source[(t * (H + 2 * K) + H + K + g) * dh + d];
              }
            }
          }
          onlyWrites(assert, arena, [cache.k, cache.v], () => kernels.storeKV(cache, qkv, start));
          assert.deepEqual(bitsOf(cache.k), expected[0], `k, start ${start}, T ${T}`);
          assert.deepEqual(bitsOf(cache.v), expected[1], `v, start ${start}, T ${T}`);
        }
      });
    }

    test(`${kind}: a block number outside of the pool, a table that is too short and a negative start are refused`, () => {
      const { arena, kernels } = bench(kind, 1);
      const pool = () => place(arena, [2, 1, KV_BLOCK, 4], new Float32Array(256));
      const cache = { k: pool(), v: pool(), table: place(arena, [3], [1, 2, -1], "i32") };
      const qkv = place(arena, [1, 3, 4], new Float32Array(12));
      kernels.storeKV(cache, qkv, 31);
      assert.throws(() => kernels.storeKV(cache, qkv, 32), ShapeError, /no such block; got 2; expected 0 … 1/);
      assert.throws(() => kernels.storeKV(cache, qkv, 64), ShapeError, /got -1/);
      assert.throws(() => kernels.storeKV(cache, qkv, 96), ShapeError, /table/);
      assert.throws(() => kernels.storeKV(cache, qkv, -1), ShapeError, /start/);
    });
  }
});
