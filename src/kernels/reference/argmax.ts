import type { Tensor } from "../../tensor/tensor.ts";

/**
 * out (i32 [T]) = index of the greatest of each row of x [T, V], the lowest index among equals (-0 equals +0). NaN is passed over; a row of
 * nothing but NaN gives 0. Exact.
 */
export function argmax(out: Tensor, x: Tensor): void {
  const [T, V] = x.shape;
  for (let t = 0; t < T; t++) {
    const row = x.f32.subarray(t * V, (t + 1) * V);
    let best = 0;
    for (let i = 1; i < V; i++) {
      if (row[i] > row[best] || (Number.isNaN(row[best]) && !Number.isNaN(row[i]))) best = i;
    }
    out.data[t] = best;
  }
}
