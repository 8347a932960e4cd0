import { allocInt8Rows, createKernels } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { randomFloats } from "../../test/random.ts";
import { compare } from "../compare.ts";

// Activations of Phi-4-mini: of width D 3072 and F 8192, one token and 32. GB/s of float32 read.
const arena = new Arena(8 << 20);
const reference = createKernels(arena, "reference");
const strict = createKernels(arena, "strict");
for (const C of [3072, 8192]) {
  for (const T of [1, 32]) {
    const mark = arena.mark();
    const x = Tensor.alloc(arena, "f32", [T, C]);
    x.f32.set(randomFloats(1, T * C));
    const [a, b] = [allocInt8Rows(arena, T, C), allocInt8Rows(arena, T, C)];
    reference.quantizeActivations(a, x);
    strict.quantizeActivations(b, x);
    if (a.pairs.data.some((v, i) => v !== b.pairs.data[i]) || a.scale.data.some((v, i) => v !== b.scale.data[i]))
      throw new Error("quantizeActivations: results differ");
    await compare(
      `quantizeActivations [${T}, ${C}]`,
      { bytes: x.byteLength },
      {
        reference: () => reference.quantizeActivations(a, x),
        strict: () => strict.quantizeActivations(b, x),
      },
    );
    arena.release(mark);
  }
}
