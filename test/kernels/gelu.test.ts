import { erfc } from "../../src/math/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

const v = (x: number) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const FORMULA = {
  tanh: (x: number) => x / (1 + Math.exp(-v(x))),
  // erfc has its own test against true values.
  erf: (x: number) => 0.5 * x * erfc(-x / Math.SQRT2),
} as const;
/** Relative error in roundings of 2^-24: what a rounded exponent costs grows with the exponent. */
const BOUND = {
  tanh: { text: "(6 + 5 |v|)", of: (x: number) => 6 + (x < 0 ? 5 * Math.abs(v(x)) : 0) },
  erf: { text: "(14 + x²)", of: (x: number) => 14 + (x < 0 ? x * x : 0) },
} as const;

suite("kernels/gelu", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const form of ["tanh", "erf"] as const) {
      const text = kind !== "reference" ? BOUND[form].text : "1.01";
      const bound = (x: number) => (kind !== "reference" ? BOUND[form].of(x) : 1.01) * EPS;

      test(`${kind}, ${form}: within ${text} · 2^-24 relative of the formula at every size and at F = 8192`, () => {
        for (const n of [...SIZES, 8192]) {
          const { arena, kernels } = bench(kind, 1);
          const x = randomFloats(n, n, 2);
          const out = Tensor.alloc(arena, "f32", [n]);
          const xt = place(arena, [n], x);
          onlyWrites(assert, arena, [out], () => kernels.gelu(out, xt, form));
          for (let i = 0; i < n; i++) {
            near(assert, [out.f32[i]], [FORMULA[form](x[i])], bound(x[i]), 2 ** -142, `n = ${n}, x = ${x[i]}`);
          }
        }
      });

      test(`${kind}, ${form}: the same bound over every 65521st float32`, () => {
        const { arena, kernels } = bench(kind, 1);
        const bits = Uint32Array.from({ length: 65550 }, (_, i) => i * 65521);
        const x = new Float32Array(bits.buffer).filter((value) => Number.isFinite(value));
        const out = Tensor.alloc(arena, "f32", [x.length]);
        kernels.gelu(out, place(arena, [x.length], x), form);
        for (let i = 0; i < x.length; i++) {
          near(assert, [out.f32[i]], [FORMULA[form](x[i])], bound(x[i]), 2 ** -142, `x = ${x[i]}`);
        }
      });

      test(`${kind}, ${form}: ±0 stay, ∞ stays, -∞ and NaN give NaN (as in PyTorch), large negative numbers vanish`, () => {
        const { arena, kernels } = bench(kind, 1);
        const x = place(arena, [6], [0, -0, Infinity, -Infinity, NaN, -1e5]);
        kernels.gelu(x, x, form);
        assert.deepEqual([...x.f32], [0, -0, Infinity, NaN, NaN, -0]);
      });

      test(`${kind}, ${form}: an element has the same bits in any lane and in the tail`, () => {
        const { arena, kernels } = bench(kind, 1);
        const x = place(arena, [11], randomFloats(5, 11, 2));
        const all = Tensor.alloc(arena, "f32", [11]);
        kernels.gelu(all, x, form);
        for (let i = 0; i < 11; i++) {
          const one = place(arena, [1], [x.f32[i]]);
          kernels.gelu(one, one, form);
          assert.equal(bitsOf(one)[0], bitsOf(all)[i]);
        }
      });
    }
  }
});
