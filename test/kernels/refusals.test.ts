import { ShapeError } from "../../src/errors.ts";
import { allocMatrix, createKernels, type PackFormat, pack, type WeightFormat } from "../../src/kernels/index.ts";
import { Arena, type DType, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { KINDS } from "./kinds.ts";

suite("kernels/refusals", ({ test, assert }) => {
  for (const kind of KINDS) {
    test(`${kind}: an eps, a number of heads or a form of gelu that is none is a ShapeError, not a result`, () => {
      const arena = new Arena(1 << 16);
      const kernels = createKernels(arena, kind);
      const [x, w, cos] = [[2, 4], [4], [2, 1]].map((shape) => Tensor.alloc(arena, "f32", shape));
      for (const eps of [Number.NaN, -1, Infinity, undefined]) {
        assert.throws(() => kernels.rmsnorm(x, x, w, eps as number), ShapeError, /rmsnorm: eps/);
        assert.throws(() => kernels.layernorm(x, x, w, w, eps as number), ShapeError, /layernorm: eps/);
      }
      for (const heads of [-1, 3, 1.5, Number.NaN])
        assert.throws(() => kernels.rope(x.reshape([2, 2, 2]), heads, cos, cos), ShapeError, /rope: heads/);
      for (const form of ["new", undefined])
        assert.throws(() => kernels.gelu(x, x, form as "erf"), ShapeError, /gelu: form/);
    });
  }

  test("matrices and tensors of unknown formats, or of sizes that are no whole numbers, are ShapeErrors that take no memory", () => {
    const arena = new Arena(1 << 16);
    const { free } = arena;
    const weights = Tensor.alloc(new Arena(1 << 16), "f32", [2, 2]);
    for (const format of ["q5", "constructor", undefined]) {
      assert.throws(() => allocMatrix(arena, format as WeightFormat, 8, 32), ShapeError, /a weight matrix/);
      assert.throws(() => pack(weights, format as PackFormat, arena), ShapeError, /a weight matrix/);
      assert.throws(() => Tensor.alloc(arena, format as DType, [1]), ShapeError, /dtype/);
    }
    for (const size of [-8, 1.5, Number.NaN])
      assert.throws(() => allocMatrix(arena, "q4", size, 32), ShapeError, /whole numbers/);
    assert.equal(arena.free, free);
  });
});
