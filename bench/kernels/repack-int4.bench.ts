import { createKernels } from "../../src/kernels/index.ts";
import { allocMatrix, type Int4Layout, int4Shape } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { compare } from "../compare.ts";

// Phi-4-mini's qkv_proj, [5120, 3072], as GPTQ, AWQ and compressed-tensors store it. GB/s of source; "places": with inputs in another order.
const [N, C] = [5120, 3072];
const arena = new Arena(24 << 20);
const strict = createKernels(arena, "strict");
const reference = createKernels(arena, "reference");
const matrix = allocMatrix(arena, "q4z", N, C);
const places = Tensor.alloc(arena, "i32", [C]);
places.data.forEach((_, i, all) => {
  all[i] = (i * 997) % C;
});
for (const [layout, order] of [
  ["gptq", undefined],
  ["gptq", places],
  ["awq", undefined],
  ["pack-quantized", undefined],
] as [Int4Layout, Tensor | undefined][]) {
  const mark = arena.mark();
  const src = Tensor.alloc(arena, "i32", int4Shape(layout, [N, C]));
  src.data.forEach((_, i, all) => {
    all[i] = Math.imul(i, 2654435761);
  });
  const bytes = () => new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength);
  reference.repackInt4(matrix, layout, 0, src, order);
  const expected = bytes().slice();
  strict.repackInt4(matrix, layout, 0, src, order);
  if (bytes().some((b, i) => b !== expected[i])) throw new Error(`repackInt4 ${layout}: bytes differ`);
  await compare(
    `repackInt4 ${layout}${order ? ", places" : ""} [${N}, ${C}]`,
    { bytes: src.byteLength },
    { strict: () => strict.repackInt4(matrix, layout, 0, src, order) },
  );
  arena.release(mark);
}
