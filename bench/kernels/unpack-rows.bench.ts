import { createKernels } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { plainMatrix, randomMatrix } from "../../test/kernels/matrices.ts";
import { randomFloats } from "../../test/random.ts";
import { compare } from "../compare.ts";

// 32 rows of width 3072, as Phi-4-mini's embedding has them: gathered by ids (embed) or one after the other (unpackRows). GB/s of float32 written.
const [V, T, D] = [512, 32, 3072];
const arena = new Arena(16 << 20);
const reference = createKernels(arena, "reference");
const strict = createKernels(arena, "strict");
const ids = Tensor.alloc(arena, "i32", [T]);
ids.data.set(Array.from({ length: T }, (_, t) => (t * 37) % V));
for (const format of ["q4", "q8", "f32"] as const) {
  const mark = arena.mark();
  const matrix =
    format === "f32" ? plainMatrix(arena, V, D, randomFloats(1, V * D)) : randomMatrix(arena, format, V, D, 1).matrix;
  const [a, b] = [0, 1].map(() => Tensor.alloc(arena, "f32", [T, D]));
  const same = () => {
    if (a.f32.some((v, i) => v !== b.f32[i])) throw new Error(`${format}: results differ`);
  };
  reference.embed(a, ids, matrix);
  strict.embed(b, ids, matrix);
  same();
  await compare(
    `embed ${format} [${T}, ${D}]`,
    { bytes: a.byteLength },
    { reference: () => reference.embed(a, ids, matrix), strict: () => strict.embed(b, ids, matrix) },
  );
  reference.unpackRows(a, matrix, 5);
  strict.unpackRows(b, matrix, 5);
  same();
  await compare(
    `unpackRows ${format} [${T}, ${D}]`,
    { bytes: a.byteLength },
    { reference: () => reference.unpackRows(a, matrix, 5), strict: () => strict.unpackRows(b, matrix, 5) },
  );
  arena.release(mark);
}
