import { createKernels } from "../../src/kernels/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { compare } from "../compare.ts";

// The residual connection of Phi-4-mini, 32 tokens: [32, 3072].
const shape = [32, 3072];
const arena = new Arena(4 << 20);
const [out, a, b] = [0, 1, 2].map(() => Tensor.alloc(arena, "f32", shape));
const reference = createKernels(arena, "reference");
const strict = createKernels(arena, "strict");
await compare(
  `add [${shape}]`,
  { bytes: 3 * out.byteLength },
  {
    reference: () => reference.add(out, a, b),
    strict: () => strict.add(out, a, b),
  },
);
