import { ShapeError } from "../../src/errors.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

const f32 = Math.fround;

suite("kernels/add-rows", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: rows of x, times their weights, are added to the rows that ids names, bit for bit and in order, at every size`, () => {
      const ids = [3, 0, 3, 3, 1];
      for (const D of [...SIZES, 2560]) {
        const { arena, kernels } = bench(kind, 1);
        const [o, x, w] = [randomFloats(D, 4 * D), randomFloats(D + 1, 5 * D), randomFloats(D + 2, 5)];
        const expected = Float32Array.from(o);
        for (const [i, t] of ids.entries()) {
          for (let d = 0; d < D; d++)
            expected[t * D + d] = f32(expected[t * D + d] + f32(f32(w[i]) * f32(x[i * D + d])));
        }
        const out = place(arena, [4, D], o);
        const [it, xt, wt] = [place(arena, [5], ids, "i32"), place(arena, [5, D], x), place(arena, [5], w)];
        onlyWrites(assert, arena, [out], () => kernels.addRows(out, it, xt, wt));
        assert.deepEqual([...out.f32], [...expected]);
      }
    });

    test(`${kind}: no rows leave all as it is; a weight of 1 adds the row itself, NaN and infinities as IEEE 754 says`, () => {
      const { arena, kernels } = bench(kind, 1);
      const out = place(arena, [1, 5], [1, 2, 3, 4, -0]);
      kernels.addRows(out, place(arena, [0], [], "i32"), place(arena, [0, 5], []), place(arena, [0], []));
      assert.deepEqual([...out.f32], [1, 2, 3, 4, -0]);
      const x = place(arena, [1, 5], [0.5, Infinity, -Infinity, NaN, -0]);
      kernels.addRows(out, place(arena, [1], [0], "i32"), x, place(arena, [1], [1]));
      assert.deepEqual([...out.f32], [1.5, Infinity, -Infinity, NaN, -0]);
    });

    test(`${kind}: an id that is no row, and weights of another number, are ShapeErrors before anything is written`, () => {
      const { arena, kernels } = bench(kind, 1);
      const [out, x] = [place(arena, [2, 3], Array(6).fill(0)), place(arena, [2, 3], Array(6).fill(1))];
      const w = place(arena, [2], [1, 1]);
      for (const id of [-1, 2]) {
        const ids = place(arena, [2], [0, id], "i32");
        assert.throws(() => kernels.addRows(out, ids, x, w), ShapeError, /addRows: no such row/);
      }
      const ids = place(arena, [2], [0, 1], "i32");
      assert.throws(() => kernels.addRows(out, ids, x, place(arena, [1], [1])), ShapeError, /addRows: weights/);
      assert.deepEqual([...out.f32], Array(6).fill(0));
    });
  }
});
