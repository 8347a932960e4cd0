import { ShapeError } from "../../src/errors.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

const clamp = (x: number, least: number, most: number) =>
  Math.abs(x) === Infinity ? x : Math.min(Math.max(x, least), most);

/** g · sigmoid(1.702 g) · (u + 1) of the pairs (gate, up) in x. */
function formula(x: ArrayLike<number>, limit: number): number[] {
  const most = Math.fround(limit);
  return Array.from({ length: x.length / 2 }, (_, i) => {
    const g = clamp(x[2 * i], -Infinity, most);
    const u = clamp(x[2 * i + 1], -most, most);
    return (g / (1 + Math.exp(-1.702 * g))) * (u + 1);
  });
}

suite("kernels/geglu", ({ test, assert }) => {
  for (const kind of KINDS) {
    // WASM: 1.702 and its product (2, of v), exp (2), 1 + e, the product, the quotient, u + 1, the last product. |v| ≤ 1.702 · 8 here.
    const bound = kind !== "reference" ? 8 + 2 * 1.702 * 8 : 1.01;

    test(`${kind}: within ${bound.toFixed(2)} roundings (2^-24 each) of the formula at every size and at F = 14336, clamped at 1.5, at 20 and not at all`, () => {
      for (const F of [...SIZES, 14336]) {
        for (const limit of F > 1000 ? [20] : [1.5, 20, Infinity]) {
          const { arena, kernels } = bench(kind, 1);
          const T = F > 1000 ? 1 : 3;
          const x = randomFloats(F, T * 2 * F, 2).map((v) => clamp(v, -8, 40));
          const out = Tensor.alloc(arena, "f32", [T, F]);
          const xt = place(arena, [T, 2 * F], x);
          onlyWrites(assert, arena, [out], () => kernels.geglu(out, xt, limit));
          near(assert, out.f32, formula(x, limit), bound * EPS, 2 ** -140, `F = ${F}, limit ${limit}`);
        }
      }
    });

    test(`${kind}: gates from -3e38 to 3e38 give neither NaN nor ∞ at a limit of 20; a gate has no lower limit, its other half has`, () => {
      const { arena, kernels } = bench(kind, 1);
      const gates = [-3e38, -1000, -61, -52, -40, -1e-3, -1e-38, -0, 0, 1e-45, 1e-3, 17, 20, 20.0001, 1e4, 3e38];
      const ups = [-3e38, -21, -20, -1, -0.5, 0, 1e-3, 20, 21, 3e38];
      for (const up of ups) {
        const x = Float32Array.from(gates.flatMap((gate) => [gate, up]));
        const out = Tensor.alloc(arena, "f32", [1, gates.length]);
        kernels.geglu(out, place(arena, [1, 2 * gates.length], x), 20);
        // Below -51 the factor e^v is denormal: at most 105 denormal gaps of it are lost; v moves by two roundings of up to 1.702 · 52.
        const expected = formula(x, 20);
        for (const [i, want] of expected.entries()) {
          const g = Math.abs(x[2 * i]);
          const allowed =
            (8 + 2 * 1.702 * Math.min(g, 52)) * EPS * Math.abs(want) + 105 * 2 ** -149 * g * 21 + 21 * 2 ** -149;
          assert.atMost(Math.abs(out.f32[i] - want), allowed, `gate ${x[2 * i]}, up ${up}, ${want}`);
        }
      }
    });

    test(`${kind}: infinities are not clamped, a gate of -∞ gives NaN, NaN stays NaN, as in PyTorch`, () => {
      const { arena, kernels } = bench(kind, 1);
      const out = Tensor.alloc(arena, "f32", [1, 6]);
      const pairs = [Infinity, 1, -Infinity, 1, NaN, 1, 1, NaN, 1, Infinity, 2, -Infinity];
      kernels.geglu(out, place(arena, [1, 12], pairs), 20);
      assert.deepEqual([...out.f32], [Infinity, NaN, NaN, NaN, Infinity, -Infinity]);
    });

    test(`${kind}: an element has the same bits in any lane, in the tail, and whatever T`, () => {
      const { arena, kernels } = bench(kind, 1);
      const F = 11;
      const x = place(arena, [3, 2 * F], randomFloats(8, 6 * F, 2));
      const all = Tensor.alloc(arena, "f32", [3, F]);
      kernels.geglu(all, x, 2);
      for (let i = 0; i < 3 * F; i++) {
        const one = Tensor.alloc(arena, "f32", [1, 1]);
        kernels.geglu(one, place(arena, [1, 2], [...x.f32.subarray(2 * i, 2 * i + 2)]), 2);
        assert.equal(bitsOf(one)[0], bitsOf(all)[i]);
      }
    });

    test(`${kind}: a limit that is no number above 0, and an input that is not twice as wide, are refused`, () => {
      const { arena, kernels } = bench(kind, 1);
      const out = Tensor.alloc(arena, "f32", [2, 4]);
      const x = place(arena, [2, 8], new Float32Array(16));
      kernels.geglu(out, x, Infinity);
      for (const limit of [0, -1, Number.NaN])
        assert.throws(() => kernels.geglu(out, x, limit), ShapeError, /geglu: limit/);
      assert.throws(() => kernels.geglu(out, place(arena, [2, 7], new Float32Array(14)), 1), ShapeError, /geglu: x/);
    });
  }
});
