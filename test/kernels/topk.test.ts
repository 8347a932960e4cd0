import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

/** A full sort: by value descending, NaN last, then by index. */
function sorted(row: Float32Array): number[] {
  const key = (i: number) => (Number.isNaN(row[i]) ? -2 : row[i] === -Infinity ? -1 : 0);
  return Array.from(row, (_, i) => i).sort((a, b) => key(b) - key(a) || (key(a) === 0 ? row[b] - row[a] : 0) || a - b);
}

suite("kernels/topk", ({ test, assert }) => {
  for (const kind of KINDS) {
    const check = (x: Float32Array, T: number, V: number, k: number) => {
      const { arena, kernels } = bench(kind, V > 1001 ? 4 : 1 / 8);
      const ids = Tensor.alloc(arena, "i32", [T, k]);
      const values = Tensor.alloc(arena, "f32", [T, k]);
      const xt = place(arena, [T, V], x);
      onlyWrites(assert, arena, [ids, values], () => kernels.topk(ids, values, xt));
      for (let t = 0; t < T; t++) {
        const row = x.subarray(t * V, (t + 1) * V);
        const expected = sorted(row).slice(0, k);
        assert.deepEqual([...ids.data.subarray(t * k, (t + 1) * k)], expected, `V ${V}, k ${k}`);
        assert.deepEqual(
          [...values.f32.subarray(t * k, (t + 1) * k)],
          expected.map((i) => row[i]),
          `V ${V}, k ${k}`,
        );
      }
    };

    test(`${kind}: equals the head of a full sort for every size and k = 1, 2, V/2, V`, () => {
      for (const V of SIZES) {
        for (const k of new Set([1, Math.min(2, V), Math.ceil(V / 2), V])) check(randomFloats(V + k, 2 * V), 2, V, k);
      }
    });

    test(`${kind}: many equals, ±0, ±∞ and NaN: the lower index first, NaN last`, () => {
      const next = randomSource(9);
      const pool = [0, -0, 1, 1, -1, Infinity, -Infinity, NaN, 2];
      for (const V of [5, 31, 64, 129]) {
        const x = Float32Array.from({ length: V }, () => pool[Math.floor(next() * pool.length)]);
        for (const k of [1, 3, 5, V]) check(x, 1, V, k);
        check(new Float32Array(V).fill(NaN), 1, V, 4);
      }
    });

    test(`${kind}: ascending and descending rows (the worst and the best order)`, () => {
      const up = Float32Array.from({ length: 1001 }, (_, i) => i);
      check(up, 1, 1001, 50);
      check(up.slice().reverse(), 1, 1001, 50);
    });

    test(`${kind}: V = 200064, k = 64 and 1000`, () => {
      const x = randomFloats(4, 200064);
      check(x, 1, 200064, 64);
      check(x, 1, 200064, 1000);
    });
  }
});
