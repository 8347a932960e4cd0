import type { Tensor } from "../../tensor/tensor.ts";

/**
 * The k greatest of each row of x [T, V], descending, the lower index first among equals (-0 equals +0); NaN ranks below -∞.
 * ids: i32 [T, k], values: [T, k]. Exact. O(V log k): a heap of the k best so far, the worst of them at its root.
 */
export function topk(ids: Tensor, values: Tensor, x: Tensor): void {
  const [T, V] = x.shape;
  const k = ids.shape[1];
  for (let t = 0; t < T; t++) {
    const row = x.f32.subarray(t * V, (t + 1) * V);
    const heap = ids.data.subarray(t * k, (t + 1) * k);
    for (let i = 0; i < k; i++) heap[i] = i;
    for (let i = (k >> 1) - 1; i >= 0; i--) sink(heap, row, i);
    for (let i = k; i < V; i++) {
      if (before(row, i, heap[0])) {
        heap[0] = i;
        sink(heap, row, 0);
      }
    }
    heap.sort((a, b) => (before(row, a, b) ? -1 : 1));
    for (let i = 0; i < k; i++) values.data[t * k + i] = row[heap[i]];
  }
}

/** Whether element a of the row ranks before element b. */
function before(row: ArrayLike<number>, a: number, b: number): boolean {
  const x = row[a];
  const y = row[b];
  if (x > y || y > x) return x > y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(y);
  return a < b;
}

/** Moves heap[i] down until it ranks after both its children. */
function sink(heap: { [i: number]: number; readonly length: number }, row: ArrayLike<number>, i: number): void {
  const moved = heap[i];
  for (let child = 2 * i + 1; child < heap.length; child = 2 * i + 1) {
    if (child + 1 < heap.length && before(row, heap[child], heap[child + 1])) child++;
    if (!before(row, moved, heap[child])) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = moved;
}
