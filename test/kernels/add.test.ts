import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

suite("kernels/add", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: equals float32 a + b bit for bit at every size`, () => {
      for (const n of SIZES) {
        const { arena, kernels } = bench(kind, 1);
        const a = randomFloats(n, n);
        const b = randomFloats(n + 1000, n);
        const out = Tensor.alloc(arena, "f32", [n]);
        kernels.add(out, place(arena, [n], a), place(arena, [n], b));
        assert.deepEqual(
          [...out.f32],
          [...a].map((x, i) => Math.fround(x + b[i])),
        );
      }
    });

    test(`${kind}: ±0, infinities, NaN and denormals add as IEEE 754 says`, () => {
      const { arena, kernels } = bench(kind, 1);
      const a = [-0, 0, Infinity, Infinity, NaN, 1e-45, -1e-45];
      const b = [-0, -0, 1, -Infinity, 1, 1e-45, 1e-45];
      const out = Tensor.alloc(arena, "f32", [7]);
      kernels.add(out, place(arena, [7], a), place(arena, [7], b));
      assert.deepEqual([...out.f32], [-0, 0, Infinity, NaN, NaN, Math.fround(3e-45), 0]);
    });
  }
});
