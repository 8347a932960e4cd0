import { createKernels } from "../../src/kernels/index.ts";
import { allocMatrix } from "../../src/quant/index.ts";
import { Arena, fromF32, Tensor } from "../../src/tensor/index.ts";
import { randomFloats } from "../../test/random.ts";
import { compare } from "../compare.ts";

// 64 rows of Phi-4-mini's gate_up_proj, [64, 3072]: a block of a file that is quantized while it streams in. GB/s of source.
const [rows, cols] = [64, 3072];
const arena = new Arena(8 << 20);
const reference = createKernels(arena, "reference");
const strict = createKernels(arena, "strict");
const weights = randomFloats(1, rows * cols, 0.02);
for (const dtype of ["bf16", "f16", "f32"] as const) {
  const src = Tensor.alloc(arena, dtype, [rows, cols]);
  fromF32(dtype, weights, src.data);
  for (const format of ["q4", "q8", "f32"] as const) {
    const mark = arena.mark();
    const matrix = allocMatrix(arena, format, rows, cols);
    const bytes = () => new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength);
    reference.packRows(matrix, 0, src);
    const expected = bytes().slice();
    strict.packRows(matrix, 0, src);
    if (bytes().some((b, i) => b !== expected[i])) throw new Error(`packRows ${dtype} -> ${format}: bytes differ`);
    await compare(
      `packRows ${dtype} -> ${format} [${rows}, ${cols}]`,
      { bytes: src.byteLength },
      {
        reference: () => reference.packRows(matrix, 0, src),
        strict: () => strict.packRows(matrix, 0, src),
      },
    );
    arena.release(mark);
  }
}
