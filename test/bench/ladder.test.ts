import { bindRungs } from "../../bench/ladder/rungs.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { BUILDS } from "../kernels/kinds.ts";
import { definedInt8 } from "../kernels/linear-definition.ts";
import { randomInt8Rows, randomMatrix } from "../kernels/matrices.ts";

/** [T, N, C] */
const SHAPES = [
  [1, 1, 1],
  [1, 8, 32],
  [1, 13, 100],
  [1, 40, 256],
  [4, 8, 32],
  [4, 19, 65],
  [12, 24, 320],
] as const;

suite("bench/ladder", async ({ test, assert }) => {
  const arena = new Arena(4 << 20, { name: "ladder" });
  const rungs = await bindRungs(arena);

  test(`the ladder has ${BUILDS.includes("relaxed") ? "relaxed and strict" : "strict"} rungs, and ends at the library`, () => {
    const names = rungs.map(({ name }) => name);
    const relaxed = names.filter((name) => name.endsWith(", narrow")).length;
    assert.deepEqual(relaxed, BUILDS.includes("relaxed") ? 3 : 0, names.join("; "));
    assert.deepEqual(names.at(-1), "library, pairs");
  });

  for (const { name, tokens, run } of rungs) {
    test(`${name}: bit for bit the definition of linear, q4 × int8, with tails of rows and inputs`, () => {
      const mark = arena.mark();
      for (const [i, [T, N, C]] of SHAPES.entries()) {
        if (!tokens.includes(T === 1 ? "one" : "fours")) continue;
        const known = randomMatrix(arena, "q4", N, C, 100 + i);
        const x = randomInt8Rows(arena, T, C, 200 + i);
        const out = Tensor.alloc(arena, "f32", [T, N]);
        const after = Tensor.alloc(arena, "f32", [4]);
        after.f32.fill(7);
        run(out, x, known.matrix);
        const { float32, exact, size } = definedInt8(x, known);
        if (name.startsWith("0")) {
          // float64 sums, rounded once
          for (const [j, v] of out.f32.entries()) {
            assert.atMost(Math.abs(v - exact[j]), 2 ** -23 * size[j] + 1e-37, `[${T}, ${N}, ${C}]`);
          }
        } else assert.deepEqual([...out.f32], [...float32], `[${T}, ${N}, ${C}]`);
        assert.deepEqual([...after.f32], [7, 7, 7, 7], "nothing behind the output is written");
      }
      arena.release(mark);
    });
  }
});
