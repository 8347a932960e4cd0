import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";

suite("kernels/argmax", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: finds the greatest at every place of rows of every size, and of V = 200064`, () => {
      for (const V of [...SIZES, 200064]) {
        const { arena, kernels } = bench(kind, 4);
        const x = place(arena, [2, V], randomFloats(V, 2 * V));
        const out = Tensor.alloc(arena, "i32", [2]);
        for (let i = 0; i < V; i += V > 1000 ? 9973 : 1) {
          const [kept, other] = [x.f32[i], x.f32[2 * V - 1 - i]];
          x.f32[i] = 1000;
          x.f32[2 * V - 1 - i] = 1000;
          if (i === 0) onlyWrites(assert, arena, [out], () => kernels.argmax(out, x));
          else kernels.argmax(out, x);
          assert.deepEqual([...out.data], [i, V - 1 - i], `V = ${V}`);
          x.f32[i] = kept;
          x.f32[2 * V - 1 - i] = other;
        }
      }
    });

    test(`${kind}: the lowest index among equals (-0 equals 0); NaN is passed over; a row of NaN, or of -∞, gives 0`, () => {
      const { arena, kernels } = bench(kind, 1);
      const of = (...row: number[]) => {
        const out = Tensor.alloc(arena, "i32", [1]);
        kernels.argmax(out, place(arena, [1, row.length], row));
        return out.data[0];
      };
      assert.equal(of(1, 3, 2, 3, 3), 1);
      assert.equal(of(...Array(40).fill(5)), 0);
      assert.equal(of(-1, -0, 0), 1);
      assert.equal(of(-1, 0, -0), 1);
      assert.equal(of(NaN, 1, NaN, 2, NaN), 3);
      assert.equal(of(NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, -Infinity, NaN), 8);
      assert.equal(of(...Array(13).fill(NaN)), 0);
      assert.equal(of(...Array(13).fill(-Infinity)), 0);
      assert.equal(of(1, Infinity, NaN, Infinity), 1);
      assert.equal(of(-1e-45, 1e-45, 0), 1);
    });
  }
});
