import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bitsOf, EPS, near, onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

suite("kernels/rope", ({ test, assert }) => {
  for (const kind of KINDS) {
    // Two products and a sum are rounded by strict; only the result by the reference.
    const bound = kind !== "reference" ? 2 : 1.01;

    test(`${kind}: within ${bound} · 2^-24 of |x cos| + |y sin| for R/2 of every size; other dims, other heads keep their bits`, () => {
      for (const half of [...SIZES, 48]) {
        const { arena, kernels } = bench(kind, 1);
        const [T, n, heads, dh] = [2, 5, 3, 2 * half + (half % 3)];
        const x = randomFloats(half, T * n * dh);
        const angles = randomFloats(half + 1, T * half, 3);
        const xt = place(arena, [T, n, dh], x);
        const cos = place(arena, [T, half], angles.map(Math.cos));
        const sin = place(arena, [T, half], angles.map(Math.sin));
        onlyWrites(assert, arena, [xt], () => kernels.rope(xt, heads, cos, sin));
        for (let t = 0; t < T; t++) {
          for (let h = 0; h < n; h++) {
            for (let d = 0; d < dh; d++) {
              const at = (t * n + h) * dh;
              const note = `R/2 = ${half}, [${t}, ${h}, ${d}]`;
              if (h >= heads || d >= 2 * half) {
                assert.equal(xt.f32[at + d], x[at + d], note);
                continue;
              }
              const i = d % half;
              const turned = d < half ? -x[at + i + half] : x[at + i];
              const [a, b] = [x[at + d] * cos.f32[t * half + i], turned * sin.f32[t * half + i]];
              near(assert, [xt.f32[at + d]], [a + b], 0, bound * EPS * (Math.abs(a) + Math.abs(b)) + 2 ** -148, note);
            }
          }
        }
      }
    });

    test(`${kind}: an angle of 0 changes no bit (of denormals neither)`, () => {
      const { arena, kernels } = bench(kind, 1);
      const values = [1, -1.5, 1e-45, -3e-40, 3e38, 0, 2, 5, -7, 0.1];
      const x = place(arena, [1, 1, 10], values);
      const before = bitsOf(x);
      kernels.rope(x, 1, place(arena, [1, 5], Array(5).fill(1)), place(arena, [1, 5], Array(5).fill(0)));
      assert.deepEqual(bitsOf(x), before);
    });

    test(`${kind}: a token has the same bits whatever T`, () => {
      const { arena, kernels } = bench(kind, 1);
      const [T, n, dh, half] = [4, 3, 32, 11];
      const values = randomFloats(1, T * n * dh);
      const cos = place(arena, [T, half], randomFloats(2, T * half));
      const sin = place(arena, [T, half], randomFloats(3, T * half));
      const all = place(arena, [T, n, dh], values);
      kernels.rope(all, n, cos, sin);
      const single = place(arena, [T, n, dh], values);
      for (let t = 0; t < T; t++) kernels.rope(single.rows(t, t + 1), n, cos.rows(t, t + 1), sin.rows(t, t + 1));
      assert.deepEqual(bitsOf(single), bitsOf(all));
    });
  }

  test("strict: the bits of float32 x · cos + rotate_half(x) · sin, each product rounded, as Hugging Face forms them", () => {
    const { arena, kernels } = bench("strict", 1);
    const f = Math.fround;
    const half = 7;
    const x = randomFloats(1, 2 * half);
    const [c, s] = [randomFloats(2, half), randomFloats(3, half)];
    const xt = place(arena, [1, 1, 2 * half], x);
    kernels.rope(xt, 1, place(arena, [1, half], c), place(arena, [1, half], s));
    const expected = Array.from(x, (v, d) => {
      const i = d % half;
      return f(f(v * c[i]) + f((d < half ? -x[i + half] : x[i]) * s[i]));
    });
    assert.deepEqual([...xt.f32], expected);
  });
});
