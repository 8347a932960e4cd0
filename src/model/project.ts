import type { Kernels } from "../kernels/kernels.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import { Tensor } from "../tensor/tensor.ts";
import { addDeltas } from "./adapters.ts";
import type { Scratch } from "./scratch.ts";

/** out [T, N] = x [T, C] · Wᵀ + bias [N], through int8 where the weights are quantized and the model was loaded so, and what adapters add. */
export function project(k: Kernels, s: Scratch, out: Tensor, x: Tensor, w: PackedMatrix, bias?: Tensor): void {
  const int8 = w.format === "f32" ? undefined : s.int8.get(w.cols);
  const inputs = inOrder(k, s, x, w);
  if (int8 === undefined) {
    k.linear(out, inputs, w);
  } else {
    const T = x.shape[0];
    const rows = int8.rows === T ? int8 : { ...int8, rows: T };
    k.quantizeActivations(rows, inputs, w);
    k.linear(out, rows, w);
  }
  if (bias) k.addBias(out, out, bias);
  addDeltas(k, s, out, x, w);
}

/** x [T, C] as the matrix's columns lie: mostly as it is. */
function inOrder(k: Kernels, s: Scratch, x: Tensor, { order }: PackedMatrix): Tensor {
  if (!order || !s.ordered) return x;
  const inputs = new Tensor(x.arena, s.ordered.ptr, "f32", x.shape);
  k.permute(inputs, x, order);
  return inputs;
}
