import { MemoryError, ShapeError } from "../../src/errors.ts";
import { createKernels, pack, unpack } from "../../src/kernels/index.ts";
import { Arena, alignUp, arange, Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

suite("kernels/pack", ({ test, assert }) => {
  const [N, C] = [11, 70];
  const weights = tensor(randomFloats(5, N * C, 1, 0)).reshape([N, C]);

  for (const { format, bound } of [
    { format: "f32", bound: 0 },
    { format: "q8", bound: 3.4 / 127 / 2 },
    { format: "q4", bound: 3.4 / 7.1 },
  ] as const) {
    test(`${format} and back: f32 [N, C] within ${bound.toFixed(4)} for weights in ±3.4, the same bytes as the packRows kernel's`, () => {
      assert.atMost(Math.max(...weights.f32.map(Math.abs)), 3.4);
      const matrix = pack(weights, format);
      assert.deepEqual([matrix.format, matrix.rows, matrix.cols], [format, N, C]);
      const back = unpack(matrix);
      assert.deepEqual(back.shape, [N, C]);
      assert.close(back.f32, weights.f32, bound);
      const bytes = () => new Uint8Array(matrix.arena.buffer, matrix.ptr, matrix.byteLength);
      const first = bytes().slice();
      bytes().fill(0x55);
      createKernels(matrix.arena, "strict").packRows(matrix, 0, weights);
      assert.deepEqual(bytes(), first);
    });
  }

  test("into another arena and back; f16 and bf16 sources as their float32", () => {
    const arena = new Arena(1 << 16);
    for (const dtype of ["f16", "bf16"] as const) {
      const source = weights.to(dtype);
      const matrix = pack(source, "q4", arena);
      assert.equal(matrix.arena, arena);
      assert.equal(arena.mark(), matrix.ptr + alignUp(matrix.byteLength), "only the matrix is left there");
      const back = unpack(matrix, weights.arena);
      assert.equal(back.arena, weights.arena);
      assert.deepEqual([...back.f32], [...unpack(pack(source.to("f32"), "q4")).f32]);
    }
  });

  test("other shapes and dtypes, and a full arena: typed errors", () => {
    assert.throws(() => pack(zeros([4]), "q4"), ShapeError, /2 axes/);
    assert.throws(() => pack(arange(64, { dtype: "i32" }).reshape([2, 32]), "q4"), ShapeError, /i32 \[2, 32\]/);
    const arena = new Arena(100);
    assert.throws(() => pack(Tensor.alloc(arena, "bf16", [128, 128]), "f32"), MemoryError);
  });
});
