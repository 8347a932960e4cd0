import { allocKVLayer } from "../../src/kernels/index.ts";
import { attentionUnits } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { bitsOf, onlyWrites } from "./compare.ts";
import { bench, EVERY, place } from "./kinds.ts";

suite("kernels/attention, work units", ({ test, assert }) => {
  for (const format of ["f32", "int8"] as const) {
    for (const [T, H, K, dh, window, ...pattern] of [
      [1, 6, 2, 32, 0, 0, 0, 0, 0],
      [7, 3, 3, 24, 20, 0, 0, 0, 0],
      [8, 4, 1, 20, 0, 0, 0, 0, 0],
      [33, 6, 2, 96, 40, 0, 0, 0, 0],
      [3, 40, 1, 512, 0, 0, 0, 0, 0],
      [33, 6, 2, 16, 0, 32, 1, 3, 1],
    ]) {
      const [size, local, stride, step] = pattern;
      test(`${format}: T ${T}, heads ${H} of ${K} × ${dh}, window ${window}, pattern ${pattern}: any split into ranges of units, in any order and with scratch anywhere, gives the same bits and writes its own rows only`, () => {
        const { arena, kernels } = bench("strict", 8);
        const start = 45;
        const S = start + T;
        const cache = allocKVLayer(arena, format, 4, K, dh, place(arena, [3], [2, 0, 3], "i32"));
        const all = place(arena, [S, H + 2 * K, dh], randomFloats(T + dh, S * (H + 2 * K) * dh));
        kernels.storeKV(cache, all, 0);
        const qkv = all.rows(start, S);
        const whole = Tensor.alloc(arena, "f32", [T, H, dh]);
        const sparse = size > 0 ? { size, local, stride, step } : undefined;
        kernels.attention(whole, qkv, cache, start, window, 1 / Math.sqrt(dh), sparse);

        const wasm = instantiate(arena, "strict", moduleOf("strict", EVERY));
        const { k, v, scales, table } = cache;
        const pools = [k.ptr, v.ptr, scales?.k.ptr ?? 0, scales?.v.ptr ?? 0, table.ptr];
        const units = attentionUnits(T, K);
        const scratch = [0, 1].map(() => Tensor.alloc(arena, "u8", [32768]));
        const next = randomSource(T);
        for (let round = 0; round < 8; round++) {
          const cuts = Array.from({ length: round }, () => Math.floor(next() * (units + 1)));
          const ends = [0, ...cuts.sort((a, b) => a - b), units];
          const ranges = ends.slice(1).map((end, i) => [ends[i], end]);
          const order = ranges.map((range) => ({ range, at: next() })).sort((a, b) => a.at - b.at);
          const out = place(arena, [T, H, dh], new Float32Array(T * H * dh).fill(Number.NaN));
          onlyWrites(assert, arena, [out, ...scratch], () => {
            order.forEach(({ range: [begin, end] }, i) => {
              const sizes = [T, H, K, dh, start, window, 1 / Math.sqrt(dh), ...pattern, 4]; // of 4 blocks
              wasm.attention(out.ptr, qkv.ptr, ...pools, ...sizes, scratch[i % 2].ptr, begin, end);
            });
          });
          assert.deepEqual(bitsOf(out), bitsOf(whole), `${ranges.map(([a, b]) => `${a}-${b}`)}`);
        }
      });
    }
  }
});
