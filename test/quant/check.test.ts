import { createKernels } from "../../src/kernels/index.ts";
import { allocMatrix, findNonFinite } from "../../src/quant/index.ts";
import { Arena } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { place } from "../kernels/kinds.ts";
import { randomFloats } from "../random.ts";

suite("quant/check", ({ test, assert }) => {
  for (const format of ["f32", "q8", "q4"] as const) {
    test(`${format}: findNonFinite names row and column (of the group) of the first weight that is not finite, else undefined`, () => {
      const arena = new Arena(1 << 20);
      const kernels = createKernels(arena, "reference");
      const [N, C] = [21, 70];
      const matrix = allocMatrix(arena, format, N, C);
      const weights = randomFloats(3, N * C);
      const pack = () => kernels.packRows(matrix, 0, place(arena, [N, C], weights));
      pack();
      assert.equal(findNonFinite(matrix), undefined);
      weights[17 * C + 68] = Number.NaN;
      weights[19 * C + 1] = -Infinity;
      pack();
      const group = (col: number) => (format === "f32" ? col : col - (col % 32));
      assert.deepEqual(findNonFinite(matrix), { row: 17, col: group(68) });
      assert.deepEqual(findNonFinite(matrix, 18), { row: 19, col: group(1) });
      assert.equal(findNonFinite(matrix, 0, 17), undefined);
      assert.equal(findNonFinite(matrix, 20, 21), undefined);
    });
  }
});
