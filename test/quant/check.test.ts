import { createKernels } from "../../src/kernels/index.ts";
import { allocMatrix, findNonFinite, writeQ4Group, writeQ8Group } from "../../src/quant/index.ts";
import { Arena } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { place } from "../kernels/kinds.ts";
import { randomFloats } from "../random.ts";

suite("quant/check", ({ test, assert }) => {
  for (const format of ["q8", "q4", "q4z"] as const) {
    test(`${format}: an infinite or NaN scale is found in any row and group; the largest finite ones are none`, () => {
      const matrix = allocMatrix(new Arena(1 << 16), format, 11, 70);
      const write = format === "q8" ? writeQ8Group : writeQ4Group;
      const weights = new Array(32).fill(1);
      for (let row = 0; row < 11; row++) {
        for (let g = 0; g < 3; g++) {
          for (const scale of [0x7c00, 0xfc00, 0x7e00, 0xfc01]) {
            write(matrix, row, g, weights, scale);
            assert.deepEqual(findNonFinite(matrix), { row, col: 32 * g });
          }
          write(matrix, row, g, weights, g % 2 ? 0x7bff : 0xfbff);
          assert.equal(findNonFinite(matrix), undefined);
        }
      }
    });
  }

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
