import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

const silu = (g: number) => g / (1 + Math.exp(-g));

suite("kernels/swiglu", ({ test, assert }) => {
  for (const kind of KINDS) {
    // strict: exp (2), 1 + e, the product, the quotient, the product with up.
    const bound = kind !== "reference" ? 6.1 : 1.01;

    test(`${kind}: within ${bound} roundings (2^-24 each) of the formula at every size and at F = 8192`, () => {
      for (const F of [...SIZES, 8192]) {
        const { arena, kernels } = bench(kind, 1);
        const T = F > 1000 ? 1 : 3;
        const x = randomFloats(F, T * 2 * F, 2);
        const out = Tensor.alloc(arena, "f32", [T, F]);
        const xt = place(arena, [T, 2 * F], x);
        onlyWrites(assert, arena, [out], () => kernels.swiglu(out, xt));
        const expected = Array.from({ length: T * F }, (_, i) => {
          const [t, f] = [Math.floor(i / F), i % F];
          return silu(x[2 * t * F + f]) * x[(2 * t + 1) * F + f];
        });
        near(assert, out.f32, expected, bound * EPS, 2 ** -140, `F = ${F}`);
      }
    });

    test(`${kind}: gates from -3e38 to 3e38 give neither NaN nor ∞, small ones relative error ${bound} · 2^-24 down to -87`, () => {
      const { arena, kernels } = bench(kind, 1);
      const gates = [-3e38, -1000, -104, -95, -89, -87, -60, -20, -1e-3, -1e-38, -0, 0, 1e-45, 1e-3, 17, 89, 1e4, 3e38];
      const x = place(arena, [1, 36], [...gates, ...Array(18).fill(1)]);
      const out = Tensor.alloc(arena, "f32", [1, 18]);
      kernels.swiglu(out, x);
      // Below -87 the factor e^g is denormal: at most 105 denormal gaps are lost.
      near(assert, out.f32, Array.from(x.f32.subarray(0, 18), silu), bound * EPS, 105 * 2 ** -149);
      assert.equal(out.f32[10], -0);
    });

    test(`${kind}: silu(∞) = ∞; NaN and -∞ give NaN, as in PyTorch`, () => {
      const { arena, kernels } = bench(kind, 1);
      const out = Tensor.alloc(arena, "f32", [1, 5]);
      kernels.swiglu(out, place(arena, [1, 10], [Infinity, -Infinity, NaN, 1, 2, 1, 1, 1, NaN, 0]));
      assert.deepEqual([...out.f32], [Infinity, NaN, NaN, NaN, 0]);
    });

    test(`${kind}: an element has the same bits in any lane, in the tail, and whatever T`, () => {
      const { arena, kernels } = bench(kind, 1);
      const F = 11;
      const x = place(arena, [3, 2 * F], randomFloats(8, 6 * F, 2));
      const all = Tensor.alloc(arena, "f32", [3, F]);
      kernels.swiglu(all, x);
      for (let t = 0; t < 3; t++) {
        for (let f = 0; f < F; f++) {
          const pair = [x.f32[2 * t * F + f], x.f32[(2 * t + 1) * F + f]];
          const one = Tensor.alloc(arena, "f32", [1, 1]);
          kernels.swiglu(one, place(arena, [1, 2], pair));
          assert.equal(bitsOf(one)[0], bitsOf(all)[t * F + f]);
        }
      }
    });
  }
});
