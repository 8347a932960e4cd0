import { allocInt8Rows, type Operations } from "../../src/kernels/index.ts";
import { GGML_TYPES, type GgmlFormat } from "../../src/quant/ggml/index.ts";
import { allocMatrix, allocSlices, type PackedMatrix, type WeightFormat } from "../../src/quant/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";
import { bitsOf } from "./compare.ts";
import { benchForm, FORMS, place, placeRandom } from "./kinds.ts";

const [N, C] = [24, 256];

/** Formats that hold blocks of files, by those. */
const BLOCKS: Partial<Record<WeightFormat, GgmlFormat>> = {
  ...{ q4z: "Q4_1", q4k: "Q4_K", q5k: "Q5_K", q6k: "Q6_K", q2k: "Q2_K", q4x: "IQ4_XS", q4m: "Q4_1", q5m: "Q5_1" },
};

/** A matrix of random floats, or of random bytes whose f16 scales are small. */
function matrixOf(arena: Arena, kernels: Operations, format: WeightFormat): PackedMatrix {
  const matrix = allocMatrix(arena, format, N, C);
  const type = BLOCKS[format];
  if (format === "q4z") {
    const next = randomSource(1);
    const bytes = new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).map(() => Math.floor(next() * 256));
    for (let at = 0; at < bytes.length; at += 152) for (let i = 0; i < 8; i++) bytes.set([i, 0x20], at + 8 + 2 * i);
    new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).set(bytes);
  } else if (type === undefined) kernels.packRows(matrix, 0, placeRandom(arena, 1, [N, C]));
  else {
    const { block, bytes } = GGML_TYPES[type];
    const next = randomSource(bytes);
    // Less than 0x40 in every byte: all f16 are below 2, and none is infinite.
    const src = Uint8Array.from({ length: N * (C / block) * bytes }, () => Math.floor(next() * 0x40));
    kernels.repackRows(matrix, 0, place(arena, [N, src.length / N], src, "u8"));
  }
  return matrix;
}

function slices(arena: Arena, kernels: Operations): PackedMatrix {
  const parts = (["q4", "q8"] as const).map((format) => ({ format, rows: N }));
  const matrix = allocSlices(arena, parts, C);
  for (const [i, slice] of (matrix.slices ?? []).entries())
    kernels.packRows(slice, 0, placeRandom(arena, i + 1, [N, C]));
  return matrix;
}

const ONE: readonly WeightFormat[] = ["q8", "q4", "q4z", "q4k", "q5k", "q6k", "q2k", "q4x", "q4m", "q5m"];
const READERS = [
  ...ONE.map((format) => ({ name: format, make: (a: Arena, k: Operations) => matrixOf(a, k, format) })),
  { name: "slices of q4 and q8", make: slices },
];

suite("kernels/readers of int8 rows", ({ test, assert }) => {
  for (const form of FORMS) {
    for (const { name, make } of READERS) {
      test(`${form.name}: rows that are quantized for one matrix of ${name} give it the bits of rows for any, at 1 to 9 and 130 tokens`, () => {
        for (const T of [1, 2, 3, 4, 5, 6, 7, 8, 9, 130]) {
          const { arena, kernels } = benchForm(form, 2);
          const matrix = make(arena, kernels);
          const x = placeRandom(arena, T, [T, C]);
          const [any, own] = [allocInt8Rows(arena, T, C), allocInt8Rows(arena, T, C)];
          for (const { data } of [own.q, own.scale, own.offset, own.pairs]) data.fill(77); // what was there before
          kernels.quantizeActivations(any, x);
          kernels.quantizeActivations(own, x, matrix);
          const [expected, out] = [any, own].map((rows) => {
            const to = Tensor.alloc(arena, "f32", [T, matrix.rows]);
            kernels.linear(to, rows, matrix);
            return bitsOf(to);
          });
          assert.deepEqual(out, expected, `T ${T}`);
          assert.ok(new Set(expected).size > T, "the sums differ");
        }
      });
    }
  }
});
