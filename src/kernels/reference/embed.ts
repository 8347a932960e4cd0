import { dequantizeRow } from "../../quant/dequantize.ts";
import type { PackedMatrix } from "../../quant/packed-matrix.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out[T, D] = rows ids[T] (i32, 0 ≤ id < V) of table [V, D] as float32: integer · scale for q4 and q8, which is exact.
 * Source: nn.Embedding of HF Phi3Model.
 */
export function embed(out: Tensor, ids: Tensor, table: PackedMatrix): void {
  const D = table.cols;
  const o = out.f32;
  for (const [t, id] of ids.data.entries()) dequantizeRow(o.subarray(t * D, (t + 1) * D), table, id);
}
