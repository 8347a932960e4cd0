import type { Kernels } from "../kernels/kernels.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Scratch } from "./scratch.ts";

/** out [T, N] = x [T, C] · Wᵀ + bias [N], through int8 where the weights are quantized and the model was loaded so. */
export function project(k: Kernels, s: Scratch, out: Tensor, x: Tensor, w: PackedMatrix, bias?: Tensor): void {
  const int8 = w.format === "f32" ? undefined : s.int8.get(w.cols);
  if (int8 === undefined) {
    k.linear(out, x, w);
  } else {
    const rows = { ...int8, rows: x.shape[0] };
    k.quantizeActivations(rows, x);
    k.linear(out, rows, w);
  }
  if (bias) k.addBias(out, out, bias);
}
