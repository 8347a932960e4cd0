import { ShapeError } from "../../src/errors.ts";
import type { PackedMatrix } from "../../src/quant/index.ts";
import { type Arena, f16ToF32, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { onlyWrites } from "./compare.ts";
import { bench, KINDS, place, SIZES } from "./kinds.ts";
import { floatsOf, knownMatrix, plainMatrix, randomMatrix } from "./matrices.ts";

const FORMATS = ["f32", "q8", "q4", "q4z"] as const;

/** A matrix [N, C] of any format, and its weights. */
function weightsOf(arena: Arena, format: (typeof FORMATS)[number], N: number, C: number, seed: number) {
  if (format === "f32") {
    const floats = randomFloats(seed, N * C);
    return { matrix: plainMatrix(arena, N, C, floats), floats };
  }
  const known = randomMatrix(arena, format, N, C, seed);
  return { matrix: known.matrix, floats: floatsOf(known) };
}

suite("kernels/unpack-rows, embed", ({ test, assert }) => {
  for (const kind of KINDS) {
    for (const format of FORMATS) {
      test(`${kind}, ${format}: unpackRows gives any rows exactly, at every size, and writes nothing else`, () => {
        for (const C of SIZES) {
          const { arena, kernels } = bench(kind, 1 / 8);
          const { matrix, floats } = weightsOf(arena, format, 19, C, C);
          for (const [row, n] of [
            [0, 19],
            [0, 1],
            [3, 5],
            [7, 2],
            [18, 1],
            [8, 8],
            [19, 0],
          ]) {
            const out = Tensor.alloc(arena, "f32", [n, C]);
            onlyWrites(assert, arena, [out], () => kernels.unpackRows(out, matrix, row));
            assert.deepEqual([...out.f32], [...floats.subarray(row * C, (row + n) * C)], `C ${C}, rows ${row} + ${n}`);
          }
        }
      });

      test(`${kind}, ${format}: embed gathers rows exactly, repeated and out of order, and writes nothing else`, () => {
        for (const D of [1, 7, 32, 65, 3072]) {
          const { arena, kernels } = bench(kind, 1 / 2);
          const { matrix, floats } = weightsOf(arena, format, 21, D, D);
          const ids = [20, 0, 3, 3, 17, 8, 7];
          const out = Tensor.alloc(arena, "f32", [ids.length, D]);
          const at = place(arena, [ids.length], ids, "i32");
          onlyWrites(assert, arena, [out], () => kernels.embed(out, at, matrix));
          assert.deepEqual(
            [...out.f32],
            ids.flatMap((id) => [...floats.subarray(id * D, (id + 1) * D)]),
          );
        }
      });
    }

    for (const format of ["q8", "q4", "q4z"] as const) {
      test(`${kind}, ${format}: all 65536 f16 scales are exact`, () => {
        const { arena, kernels } = bench(kind, 64);
        const { matrix } = knownMatrix(arena, format, 65536, 1, {
          int: (_, k) => (k === 0 ? 1 : 0),
          scale: (row) => row,
        });
        const out = Tensor.alloc(arena, "f32", [65536, 1]);
        kernels.unpackRows(out, matrix, 0);
        assert.deepEqual(
          [...out.f32],
          Array.from({ length: 65536 }, (_, bits) => f16ToF32(bits)),
        );
      });
    }

    test(`${kind}: ids and rows outside the matrix throw ShapeError`, () => {
      const { arena, kernels } = bench(kind, 1);
      const matrix: PackedMatrix = randomMatrix(arena, "q4", 9, 40, 1).matrix;
      const out = Tensor.alloc(arena, "f32", [2, 40]);
      assert.throws(() => kernels.unpackRows(out, matrix, 8), ShapeError, /unpackRows/);
      assert.throws(() => kernels.unpackRows(out, matrix, -1), ShapeError);
      for (const id of [9, -1]) {
        assert.throws(() => kernels.embed(out, place(arena, [2], [0, id], "i32"), matrix), ShapeError, /no such row/);
      }
    });
  }
});
