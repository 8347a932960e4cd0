import { allocInt8Rows, createKernels, type Int8Rows, type Kernels } from "../../src/kernels/index.ts";
import { allocMatrix, type PackedMatrix, packedBytes, ROWS } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { KINDS } from "../../test/kernels/kinds.ts";
import { plainMatrix, type QuantFormat, randomMatrix } from "../../test/kernels/matrices.ts";
import { randomFloats } from "../../test/random.ts";
import { compare } from "../compare.ts";

// The matrices of Phi-4-mini, [N, C]: decode (T = 1) and a chunk of a prompt (T = 32). GMAC/s, and GB/s of weights.
const MATRICES = [
  { name: "qkv_proj", N: 5120, C: 3072 },
  { name: "down_proj", N: 3072, C: 8192 },
  { name: "lm_head", N: 200064, C: 3072 },
];

/** A matrix whose rows repeat after every 8, since filling it is not what is timed. */
function filled(arena: Arena, format: QuantFormat | "f32", N: number, C: number): PackedMatrix {
  const matrix = allocMatrix(arena, format, N, C);
  const mark = arena.mark();
  const first =
    format === "f32"
      ? plainMatrix(arena, ROWS, C, randomFloats(1, ROWS * C, 0.02))
      : randomMatrix(arena, format, ROWS, C, 1).matrix;
  const bytes = new Uint8Array(arena.buffer);
  for (let at = 0; at < matrix.byteLength; at += first.byteLength) {
    bytes.copyWithin(matrix.ptr + at, first.ptr, first.ptr + first.byteLength);
  }
  arena.release(mark);
  return matrix;
}

/** Throws if the compiled kernel's first 16 rows are not the reference's to within 2e-5 of the largest output. */
function check(all: readonly Kernels[], x: Tensor | Int8Rows, m: PackedMatrix) {
  const few = { ...m, rows: 16, byteLength: packedBytes(m.format, 16, m.cols) };
  const [want, ...others] = all.map((kernels) => {
    const out = Tensor.alloc(m.arena, "f32", ["q" in x ? x.rows : x.shape[0], 16]);
    kernels.linear(out, x, few);
    return out.f32;
  });
  const most = want.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  for (const got of others) {
    if (!want.every((v, i) => Math.abs(v - got[i]) <= 2e-5 * most))
      throw new Error(`linear ${m.format}: results differ`);
  }
}

for (const { name, N, C } of MATRICES) {
  const large = N > 1e5; // timed in two formats, with int8 activations
  for (const format of large ? (["q4", "q4z"] as const) : (["q4", "q4z", "q8", "f32"] as const)) {
    const arena = new Arena(packedBytes(format, N, C) + (32 * (N + 4 * C) * 4 + (1 << 20)));
    const kernels = KINDS.map((kind) => createKernels(arena, kind));
    const matrix = filled(arena, format, N, C);
    for (const T of [1, 32]) {
      const mark = arena.mark();
      const x = Tensor.alloc(arena, "f32", [T, C]);
      x.f32.set(randomFloats(2, T * C));
      const int8 = allocInt8Rows(arena, T, C);
      kernels[0].quantizeActivations(int8, x);
      const out = Tensor.alloc(arena, "f32", [T, N]);
      for (const activations of ["int8", "f32"] as const) {
        if (activations === (format === "f32" ? "int8" : large ? "f32" : undefined)) continue;
        const input = activations === "int8" ? int8 : x;
        check(kernels, input, matrix);
        await compare(
          `linear ${name} ${format} [${N}, ${C}] × ${activations} [${T}, ${C}]`,
          { macs: T * N * C, bytes: matrix.byteLength },
          // The reference takes seconds for more.
          Object.fromEntries(
            kernels
              .filter(({ kind }) => kind !== "reference" || (T === 1 && !large))
              .map((k) => [k.kind, () => k.linear(out, input, matrix)]),
          ),
        );
      }
      arena.release(mark);
    }
  }
}
