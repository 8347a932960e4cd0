import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

/** One row in float64, by the formula. */
function formula(x: ArrayLike<number>, w: ArrayLike<number>, eps: number): number[] {
  const r = 1 / Math.sqrt(Array.from(x).reduce((s, v) => s + v * v, 0) / x.length + eps);
  return Array.from(x, (v, d) => v * r * w[d]);
}

suite("kernels/rmsnorm", ({ test, assert }) => {
  for (const kind of KINDS) {
    // r, x · r and the product with the weight are rounded by strict; only the result by the reference.
    const bound = kind !== "reference" ? 3.1 : 1.01;

    test(`${kind}: within ${bound} roundings (2^-24 each) of the formula at every size and at D = 3072, 5120`, () => {
      for (const D of [...SIZES, 3072, 5120]) {
        const { arena, kernels } = bench(kind, 1);
        const x = randomFloats(D, 3 * D, 2);
        const w = randomFloats(D + 1, D);
        const out = Tensor.alloc(arena, "f32", [3, D]);
        const [xt, wt] = [place(arena, [3, D], x), place(arena, [D], w)];
        onlyWrites(assert, arena, [out], () => kernels.rmsnorm(out, xt, wt, 1e-5));
        for (let t = 0; t < 3; t++) {
          const row = x.subarray(t * D, (t + 1) * D);
          near(assert, out.f32.subarray(t * D, (t + 1) * D), formula(row, w, 1e-5), bound * EPS, 2 ** -148, `D = ${D}`);
        }
      }
    });

    test(`${kind}: rows of 1e30 and of 1e-30 lose nothing (squares in float64), a row of 0 gives 0, ∞ and NaN give NaN`, () => {
      const { arena, kernels } = bench(kind, 1);
      const w = place(arena, [9], new Float32Array(9).fill(1));
      const out = Tensor.alloc(arena, "f32", [9]);
      const of = (value: (d: number) => number, eps: number) => {
        kernels.rmsnorm(
          out.reshape([1, 9]),
          place(
            arena,
            [1, 9],
            Array.from({ length: 9 }, (_, d) => value(d)),
          ),
          w,
          eps,
        );
        return [...out.f32];
      };
      near(
        assert,
        of(() => 1e30, 1e-6),
        Array(9).fill(1),
        4 * EPS,
      );
      near(
        assert,
        of(() => -1e-30, 0),
        Array(9).fill(-1),
        4 * EPS,
      );
      assert.deepEqual(
        of(() => 0, 1e-6),
        Array(9).fill(0),
      );
      assert.deepEqual(
        of((d) => (d === 3 ? Infinity : 1), 1e-6),
        [0, 0, 0, NaN, 0, 0, 0, 0, 0],
      );
      assert.deepEqual(
        of((d) => (d === 8 ? NaN : 1), 1e-6),
        Array(9).fill(NaN),
      );
    });

    test(`${kind}: a row has the same bits whatever T and wherever it lies`, () => {
      for (const D of [7, 96, 3072]) {
        const { arena, kernels } = bench(kind, 2);
        const x = place(arena, [5, D], randomFloats(3, 5 * D));
        const w = place(arena, [D], randomFloats(4, D));
        const all = Tensor.alloc(arena, "f32", [5, D]);
        kernels.rmsnorm(all, x, w, 1e-5);
        for (let t = 0; t < 5; t++) {
          const one = new Tensor(arena, arena.alloc(4 * D + 64) + 4 * t, "f32", [1, D]);
          kernels.rmsnorm(one, x.rows(t, t + 1), w, 1e-5);
          assert.deepEqual(bitsOf(one), bitsOf(all.rows(t, t + 1)));
        }
      }
    });
  }
});
