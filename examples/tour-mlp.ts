// The gate of the MLP: silu(gate) · up, for gates from -6 to 6 and up = 1.
//   npx tsx --conditions=phi-ts-source examples/tour-mlp.ts
import { createKernels } from "phi-ts/kernels";
import { defaultArena, tensor, zeros } from "phi-ts/tensor";

const gates = [-6, -3, -1, 0, 1, 3, 6];
const F = gates.length;
const out = zeros([1, F]);
createKernels(defaultArena()).swiglu(out, tensor([[...gates, ...gates.map(() => 1)]])); // [1, 2F] = [gate; up]
console.log(out);
