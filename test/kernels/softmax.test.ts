import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

function formula(row: ArrayLike<number>): number[] {
  const max = Array.from(row).reduce((m, v) => Math.max(m, v), -Infinity);
  const e = Array.from(row, (v) => Math.exp(v - max));
  const sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}

suite("kernels/softmax", ({ test, assert }) => {
  for (const kind of KINDS) {
    // strict rounds x - max (which moves e^(x - max) by |x - max| roundings), exp (two), the sum and the quotient.
    const bound = (d: number) => (kind !== "reference" ? 4.1 + d : 1.01) * EPS;

    test(`${kind}: within ${kind !== "reference" ? "(4.1 + |x - max|)" : "1.01"} · 2^-24 relative at every size and at N = 4096, 200064`, () => {
      for (const N of [...SIZES, 4096, 200064]) {
        const { arena, kernels } = bench(kind, N > 1000 ? 2 : 1 / 8);
        const T = N > 1000 ? 1 : 3;
        const x = randomFloats(N, T * N, N % 2 ? 1 : 3);
        const out = Tensor.alloc(arena, "f32", [T, N]);
        const xt = place(arena, [T, N], x);
        onlyWrites(assert, arena, [out], () => kernels.softmax(out, xt));
        for (let t = 0; t < T; t++) {
          const row = x.subarray(t * N, (t + 1) * N);
          const max = row.reduce((m, v) => Math.max(m, v), -Infinity);
          const expected = formula(row);
          for (let i = 0; i < N; i++) {
            near(assert, [out.f32[t * N + i]], [expected[i]], bound(max - row[i]), 2 ** -148, `N = ${N}, [${t}, ${i}]`);
          }
        }
      }
    });

    test(`${kind}: -∞ gets exactly 0; NaN, ∞, or nothing but -∞ make the row NaN; ±3e38 do not overflow`, () => {
      const { arena, kernels } = bench(kind, 1);
      const of = (...row: number[]) => {
        const x = place(arena, [1, row.length], row);
        kernels.softmax(x, x);
        return [...x.f32];
      };
      assert.deepEqual(of(-Infinity, 0, -Infinity, 0, -Infinity), [0, 0.5, 0, 0.5, 0]);
      for (const bad of [NaN, Infinity]) {
        for (let i = 0; i < 9; i++) {
          const row = [0, 1, 2, 3, 4, 5, 6, 7, 8];
          row[i] = bad;
          assert.deepEqual(of(...row), Array(9).fill(NaN), `${bad} at ${i}`);
        }
      }
      assert.deepEqual(of(-Infinity, -Infinity, -Infinity, -Infinity, -Infinity), Array(5).fill(NaN));
      assert.deepEqual(of(3e38, 3e38, -3e38), [0.5, 0.5, 0]);
      assert.deepEqual(of(42), [1]);
    });

    test(`${kind}: a row has the same bits whatever T, wherever it lies, and in place`, () => {
      for (const N of [5, 64, 127]) {
        const { arena, kernels } = bench(kind, 1);
        const x = place(arena, [4, N], randomFloats(N, 4 * N));
        const all = Tensor.alloc(arena, "f32", [4, N]);
        kernels.softmax(all, x);
        for (let t = 0; t < 4; t++) {
          const one = new Tensor(arena, arena.alloc(4 * N + 64) + 4 * t, "f32", [1, N]);
          one.f32.set(x.rows(t, t + 1).f32);
          kernels.softmax(one, one);
          assert.deepEqual(bitsOf(one), bitsOf(all.rows(t, t + 1)));
        }
      }
    });
  }
});
