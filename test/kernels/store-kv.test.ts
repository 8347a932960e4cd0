import { ShapeError } from "../../src/errors.ts";
import { allocKVLayer, KV_BLOCK, type KVLayer, kvLayerBytes } from "../../src/kernels/index.ts";
import { copyKVBlock } from "../../src/kernels/kv-layer.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, onlyWrites } from "./compare.ts";
import { bench, KINDS, place } from "./kinds.ts";

const poolsOf = ({ k, v, scales }: KVLayer) => (scales ? [k, v, scales.k, scales.v] : [k, v]);

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
            k: place(arena, [K, 6, KV_BLOCK, dh], new Float32Array(size).fill(NaN)),
            v: place(arena, [K, 6, KV_BLOCK, dh], new Float32Array(size).fill(NaN)),
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
                const at = ((g * 6 + table[Math.floor(p / 32)]) * KV_BLOCK + (p % 32)) * dh + d;
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

    for (const dh of [1, 3, 8, 16, 23, 24, 80, 96, 128, 512]) {
      test(`${kind}, int8: scale is f32(max |x| / 127), q the nearest integer to x / scale, keys by position and values by dim in eights with pairs in turn, and nothing else changes (dh ${dh})`, () => {
        const [H, K, dh8] = [4, 2, Math.ceil(dh / 8) * 8];
        for (const [start, T] of [
          [0, 1],
          [31, 2],
          [100, 28],
        ]) {
          const { arena, kernels } = bench(kind, 2);
          const table = [5, 0, 3, 1];
          const cache = allocKVLayer(arena, "int8", 6, K, dh, place(arena, [4], table, "i32"));
          const { k, v, scales } = cache;
          if (!scales) throw new Error("int8 has scales");
          for (const t of [k, v, scales.k, scales.v]) t.data.fill(77);
          const qkv = place(arena, [T, H + 2 * K, dh], randomFloats(start + dh, T * (H + 2 * K) * dh));
          qkv.f32.fill(0, H * dh, (H + 1) * dh); // the first key: scale 0
          qkv.f32[(H + 1) * dh] = Infinity; // the second: scale NaN
          const expected = poolsOf(cache).map((t) => Array.from(t.data));
          for (let t = 0; t < T; t++) {
            const [block, j] = [table[Math.floor((start + t) / 32)], (start + t) % 32];
            for (let g = 0; g < 2 * K; g++) {
              const from = (t * (H + 2 * K) + H + g) * dh;
              const x = [...qkv.f32.subarray(from, from + dh)];
              const most = Math.max(...x.map(Math.abs));
              const scale = most < Infinity ? Math.fround(most / 127) : Number.NaN;
              const [slot, values] = [(g % K) * 6 + block, g < K ? 0 : 1];
              expected[2 + values][slot * KV_BLOCK + j] = scale;
              for (let d = 0; d < dh8; d++) {
                // Rows in eights, in which pairs of numbers take turns.
                const [row, i, n] = values ? [d, j, KV_BLOCK] : [j, d, dh8];
                const pair = (Math.floor(row / 8) * n) / 2 + Math.floor(i / 2);
                const at = slot * KV_BLOCK * dh8 + (pair * 8 + (row % 8)) * 2 + (i % 2);
                const q = scale > 0 && d < dh ? Math.fround(x[d] / scale) : 0;
                const floor = Math.floor(q);
                const up = q - floor > 0.5 || (q - floor === 0.5 && floor % 2 !== 0);
                expected[values][at] = floor + (up ? 1 : 0);
              }
            }
          }
          onlyWrites(assert, arena, poolsOf(cache), () => kernels.storeKV(cache, qkv, start));
          poolsOf(cache).forEach((t, i) => {
            assert.deepEqual(
              Array.from(t.data),
              expected[i],
              `start ${start}, T ${T}, ${["k", "v", "scales.k", "scales.v"][i]}`,
            );
          });
        }
      });
    }

    test(`${kind}, int8: subnormal and huge heads keep |q| ≤ 127; scales that are missing or too short, and heads of more than 512 dims, are refused`, () => {
      const { arena, kernels } = bench(kind, 2);
      const table = place(arena, [1], [0], "i32");
      const cache = allocKVLayer(arena, "int8", 1, 1, 4, table);
      kernels.storeKV(
        cache,
        place(
          arena,
          [3, 3, 4],
          [1e-45, 2e-44, 1e-40, 3e38].flatMap((x) => [x, -x, x / 2, 0, 0, x, -x, 0, x]),
        ),
        0,
      );
      for (const t of [cache.k, cache.v]) assert.atMost(Math.max(...Array.from(t.data, Math.abs)), 127);
      const qkv = place(arena, [1, 3, 4], new Float32Array(12));
      assert.throws(() => kernels.storeKV({ ...cache, scales: undefined }, qkv, 0), ShapeError, /cache.k is i8/);
      const short = { k: cache.scales?.k as Tensor, v: qkv };
      assert.throws(() => kernels.storeKV({ ...cache, scales: short }, qkv, 0), ShapeError, /cache.scales.v/);
      const wide = allocKVLayer(arena, "int8", 1, 1, 513, table);
      assert.throws(() => kernels.storeKV(wide, Tensor.alloc(arena, "f32", [1, 3, 513]), 0), ShapeError, /at most 512/);
    });

    test(`${kind}: a block number outside of the pool, a table that is too short and a negative start are refused`, () => {
      const { arena, kernels } = bench(kind, 1);
      const pool = () => place(arena, [1, 2, KV_BLOCK, 4], new Float32Array(256));
      const cache = { k: pool(), v: pool(), table: place(arena, [3], [1, 2, -1], "i32") };
      const qkv = place(arena, [1, 3, 4], new Float32Array(12));
      kernels.storeKV(cache, qkv, 31);
      assert.throws(() => kernels.storeKV(cache, qkv, 32), ShapeError, /no such block; got 2; expected 0 … 1/);
      assert.throws(() => kernels.storeKV(cache, qkv, 64), ShapeError, /got -1/);
      assert.throws(() => kernels.storeKV(cache, qkv, 96), ShapeError, /table/);
      assert.throws(() => kernels.storeKV(cache, qkv, -1), ShapeError, /start/);
    });
  }

  for (const format of ["f32", "int8"] as const) {
    test(`${format}: a copied block has all that the other has; the bytes told before are those taken`, () => {
      const { arena, kernels } = bench("strict", 1);
      const table = place(arena, [1], [2], "i32");
      const before = arena.mark();
      const cache = allocKVLayer(arena, format, 4, 2, 20, table);
      assert.equal(arena.mark() - before, kvLayerBytes(format, 4, 2, 20));
      kernels.storeKV(cache, place(arena, [32, 6, 20], randomFloats(1, 32 * 6 * 20)), 0);
      copyKVBlock(cache, 2, 0);
      for (const pool of poolsOf(cache)) {
        const heads = [pool.rows(0, 1), pool.rows(1, 2)].map(
          ({ data, size }) =>
            (i: number) =>
              Array.from(data.subarray((i * size) / 4, ((i + 1) * size) / 4)),
        );
        const [a, b, c] = [2, 0, 1].map((i) => heads.flatMap((blockOf) => blockOf(i)));
        assert.deepEqual(b, a);
        assert.ok(a.some((x) => x !== 0) && c.every((x) => x === 0));
      }
    });
  }
});
