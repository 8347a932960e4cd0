import { ShapeError } from "../../src/errors.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

suite("kernels/add-bias", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: equals float32 x + bias bit for bit in each row, at every size, in place too`, () => {
      for (const N of [...SIZES, 2560]) {
        const { arena, kernels } = bench(kind, 1);
        const [x, bias] = [randomFloats(N, 3 * N), randomFloats(N + 1000, N)];
        const expected = [...x].map((v, i) => Math.fround(v + bias[i % N]));
        const [xt, bt] = [place(arena, [3, N], x), place(arena, [N], bias)];
        const out = Tensor.alloc(arena, "f32", [3, N]);
        onlyWrites(assert, arena, [out], () => kernels.addBias(out, xt, bt));
        assert.deepEqual([...out.f32], expected);
        kernels.addBias(xt, xt, bt);
        assert.deepEqual([...xt.f32], expected);
      }
    });

    test(`${kind}: ±0, infinities, NaN and denormals add as IEEE 754 says`, () => {
      const { arena, kernels } = bench(kind, 1);
      const x = place(arena, [1, 7], [-0, 0, Infinity, Infinity, NaN, 1e-45, -1e-45]);
      kernels.addBias(x, x, place(arena, [7], [-0, -0, 1, -Infinity, 1, 1e-45, 1e-45]));
      assert.deepEqual([...x.f32], [-0, 0, Infinity, NaN, NaN, Math.fround(3e-45), 0]);
    });

    test(`${kind}: a bias of another length is a ShapeError`, () => {
      const { arena, kernels } = bench(kind, 1);
      const [x, bias] = [place(arena, [2, 4], Array(8).fill(0)), place(arena, [3], [1, 2, 3])];
      assert.throws(() => kernels.addBias(x, x, bias), ShapeError, /addBias: bias is f32 \[3\], should be f32 \[4\]/);
    });
  }
});
