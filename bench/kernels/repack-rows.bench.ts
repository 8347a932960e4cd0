import { createKernels } from "../../src/kernels/index.ts";
import { blocksOf } from "../../src/kernels/rest-simd.ts";
import { allocMatrix } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { compare } from "../compare.ts";

// 64 rows of Phi-4-mini's gate_up_proj, [64, 3072], as the blocks of a GGUF file. GB/s of source.
const [rows, cols] = [64, 3072];
const arena = new Arena(4 << 20);
const reference = createKernels(arena, "reference");
const strict = createKernels(arena, "strict");
for (const { name, format, block } of [
  { name: "Q4_0 -> q4", format: "q4", block: 18 },
  { name: "Q8_0 -> q8", format: "q8", block: 34 },
  { name: "Q5_0 -> q8", format: "q8", block: 22 },
  { name: "Q4_1 -> q4m", format: "q4m", block: 20 },
  { name: "Q4_K -> q4k", format: "q4k", block: 144 },
  { name: "Q5_K -> q5k", format: "q5k", block: 176 },
  { name: "Q6_K -> q6k", format: "q6k", block: 210 },
  { name: "Q2_K -> q2k", format: "q2k", block: 84 },
  { name: "IQ4_XS -> q4x", format: "q4x", block: 136 },
] as const) {
  const src = Tensor.alloc(arena, "u8", [rows, blocksOf(format, cols) * block]);
  src.data.forEach((_, i, all) => {
    all[i] = ((i * 2654435761) >>> 13) & 0x5f; // no f16 is NaN
  });
  const matrix = allocMatrix(arena, format, rows, cols);
  const bytes = () => new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength);
  reference.repackRows(matrix, 0, src);
  const expected = bytes().slice();
  strict.repackRows(matrix, 0, src);
  if (bytes().some((b, i) => b !== expected[i])) throw new Error(`repackRows ${name}: bytes differ`);
  await compare(
    `repackRows ${name} [${rows}, ${cols}]`,
    { bytes: src.byteLength },
    {
      reference: () => reference.repackRows(matrix, 0, src),
      strict: () => strict.repackRows(matrix, 0, src),
    },
  );
}
