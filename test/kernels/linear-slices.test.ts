import { ShapeError } from "../../src/errors.ts";
import { allocInt8Rows } from "../../src/kernels/index.ts";
import { allocSlices, type PackedMatrix } from "../../src/quant/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { bitsOf, onlyWrites } from "./compare.ts";
import { bench, KINDS, placeRandom } from "./kinds.ts";

const C = 288;
const SLICES = [
  { format: "q4", rows: 24 },
  { format: "q8", rows: 8 },
  { format: "f32", rows: 16 },
] as const;

suite("kernels/linear of slices", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const inputs of ["int8", "f32"] as const) {
      test(`${kind}, ${inputs} inputs: a matrix whose rows have several formats gives the bits of each of them alone, at 1 to 9 tokens; only out is written`, () => {
        const { arena, kernels } = bench(kind, 2);
        const some = SLICES.filter(({ format }) => inputs === "f32" || format !== "f32");
        const matrix = allocSlices(arena, some, C);
        const slices = matrix.slices as readonly PackedMatrix[];
        for (const [i, slice] of slices.entries())
          kernels.packRows(slice, 0, placeRandom(arena, i + 1, [slice.rows, C]));
        const N = some.reduce((n, { rows }) => n + rows, 0);
        assert.deepEqual([matrix.rows, matrix.cols, matrix.format], [N, C, "q4"]);
        for (const T of [1, 3, 4, 9]) {
          const x = placeRandom(arena, T, [T, C]);
          const rows = allocInt8Rows(arena, T, C);
          kernels.quantizeActivations(rows, x);
          const input = inputs === "int8" ? rows : x;
          const out = Tensor.alloc(arena, "f32", [T, N]);
          onlyWrites(assert, arena, [out], () => kernels.linear(out, input, matrix));
          let row = 0;
          for (const slice of slices) {
            const alone = Tensor.alloc(arena, "f32", [T, slice.rows]);
            kernels.linear(alone, input, slice);
            for (let t = 0; t < T; t++) {
              const whole = bitsOf(out.rows(t, t + 1)).slice(row, row + slice.rows);
              assert.deepEqual(whole, bitsOf(alone.rows(t, t + 1)), `T ${T}, ${slice.format}`);
            }
            row += slice.rows;
          }
        }
      });
    }
  }

  test("the other operations take one of the slices: they refuse the whole", () => {
    const { arena, kernels } = bench("strict", 1);
    const matrix = allocSlices(arena, SLICES.slice(0, 2), C);
    const rows = Tensor.alloc(arena, "f32", [8, C]);
    assert.throws(() => kernels.packRows(matrix, 0, rows), ShapeError, /several formats/);
    assert.throws(() => kernels.unpackRows(rows, matrix, 0), ShapeError, /several formats/);
    const ids = Tensor.alloc(arena, "i32", [8]);
    assert.throws(() => kernels.embed(rows, ids, matrix), ShapeError, /several formats/);
  });
});
