import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

/** One row in float64, by the formula. */
function formula(x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>, eps: number): number[] {
  const values = Array.from(x);
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  const r = 1 / Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length + eps);
  return values.map((v, d) => (v - mean) * r * w[d] + b[d]);
}

suite("kernels/layernorm", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: within 1.01 roundings (2^-24) of the formula at every size and at D = 2048, 2560, rows with a mean 1000 times their spread too`, () => {
      for (const D of [...SIZES, 2048, 2560]) {
        const { arena, kernels } = bench(kind, 1);
        const x = randomFloats(D, 3 * D).map((v, i) => (i < D ? v : v + 1000));
        const [w, b] = [randomFloats(D + 1, D), randomFloats(D + 2, D)];
        const out = Tensor.alloc(arena, "f32", [3, D]);
        const [xt, wt, bt] = [place(arena, [3, D], x), place(arena, [D], w), place(arena, [D], b)];
        onlyWrites(assert, arena, [out], () => kernels.layernorm(out, xt, wt, bt, 1e-5));
        for (let t = 0; t < 3; t++) {
          const row = x.subarray(t * D, (t + 1) * D);
          // Where weight and bias nearly cancel, what float64 leaves behind is still below 1e-11.
          near(assert, out.f32.subarray(t * D, (t + 1) * D), formula(row, w, b, 1e-5), 1.01 * EPS, 1e-11, `D = ${D}`);
        }
      }
    });

    test(`${kind}: equal elements give the bias, a NaN or an ∞ makes the row NaN`, () => {
      const { arena, kernels } = bench(kind, 1);
      const w = place(arena, [5], [1, 2, 3, 4, 5]);
      const b = place(arena, [5], [-0.5, 0, 0.5, 1, 2]);
      const out = Tensor.alloc(arena, "f32", [3, 5]);
      const x = place(arena, [3, 5], [7, 7, 7, 7, 7, 1, NaN, 1, 1, 1, 1, 1, 1, 1, Infinity]);
      kernels.layernorm(out, x, w, b, 1e-5);
      assert.deepEqual([...out.f32], [-0.5, 0, 0.5, 1, 2, ...Array(10).fill(NaN)]);
    });

    test(`${kind}: a row has the same bits whatever T and wherever it lies`, () => {
      for (const D of [7, 98, 2560]) {
        const { arena, kernels } = bench(kind, 2);
        const x = place(arena, [5, D], randomFloats(3, 5 * D));
        const [w, b] = [place(arena, [D], randomFloats(4, D)), place(arena, [D], randomFloats(5, D))];
        const all = Tensor.alloc(arena, "f32", [5, D]);
        kernels.layernorm(all, x, w, b, 1e-5);
        for (let t = 0; t < 5; t++) {
          const one = new Tensor(arena, arena.alloc(4 * D + 64) + 4 * t, "f32", [1, D]);
          kernels.layernorm(one, x.rows(t, t + 1), w, b, 1e-5);
          assert.deepEqual(bitsOf(one), bitsOf(all.rows(t, t + 1)));
        }
      }
    });
  }
});
