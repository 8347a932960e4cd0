import type { Tensor } from "../../tensor/tensor.ts";

/** out[t, c] = x[t, order[c]]: columns of x [T, C] in another order (i32 [C]). A copy, exact. */
export function permute(out: Tensor, x: Tensor, order: Tensor): void {
  const [T, C] = x.shape;
  const [o, from, index] = [out.f32, x.f32, order.data];
  for (let t = 0; t < T; t++) for (let c = 0; c < C; c++) o[t * C + c] = from[t * C + index[c]];
}
