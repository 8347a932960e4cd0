import { ShapeError } from "../errors.ts";
import { dequantizeRow } from "../quant/dequantize.ts";
import { allocMatrix, type PackedMatrix, type PackFormat } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import { createKernels } from "./create.ts";

/**
 * A tensor [N, C] of f32, f16 or bf16 as a weight matrix in a format that `linear` reads: int8 or int4 groups of 32 with an f16 scale, or
 * f32. For handwork: it makes its own reference kernels; a loader fills a matrix of `allocMatrix` by the `packRows` kernel, block by block.
 * @param arena where the matrix lies; default: where the tensor does
 * @throws ShapeError for another number of axes or another dtype, MemoryError if the arena is full
 */
export function pack(weights: Tensor, format: PackFormat, arena: Arena = weights.arena): PackedMatrix {
  const { shape, dtype } = weights;
  if (shape.length !== 2 || !["f32", "f16", "bf16"].includes(dtype)) {
    const got = `${dtype} [${shape.join(", ")}]`;
    throw new ShapeError({ what: "pack: weights", got, expected: "f32, f16 or bf16 with 2 axes" });
  }
  const matrix = allocMatrix(arena, format, shape[0], shape[1]);
  const mark = arena.mark();
  const source = weights.arena === arena ? weights : weights.to(dtype, arena);
  createKernels(arena, "reference").packRows(matrix, 0, source);
  arena.release(mark);
  return matrix;
}

/**
 * The weights of a matrix as an f32 tensor [N, C]; exact.
 * @param arena where the tensor lies; default: where the matrix does
 * @throws MemoryError if the arena is full
 */
export function unpack(matrix: PackedMatrix, arena: Arena = matrix.arena): Tensor {
  const { rows, cols } = matrix;
  const out = Tensor.alloc(arena, "f32", [rows, cols]);
  for (let row = 0; row < rows; row++) dequantizeRow(out.f32.subarray(row * cols, (row + 1) * cols), matrix, row);
  return out;
}
