/** The k-th greatest of n values, 1 ≤ k ≤ n. No value is NaN. O(n log k), and O(n) where the first values are not the smallest. */
export function kthGreatest(values: ArrayLike<number>, k: number): number {
  // The k greatest so far, as a heap with the least of them on top.
  const heap = new Float64Array(k);
  for (let i = 0; i < k; i++) heap[i] = values[i];
  for (let i = (k >> 1) - 1; i >= 0; i--) sink(heap, i);
  for (let i = k; i < values.length; i++) {
    if (values[i] > heap[0]) {
      heap[0] = values[i];
      sink(heap, 0);
    }
  }
  return heap[0];
}

function sink(heap: Float64Array, i: number): void {
  const value = heap[i];
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = value;
}

/**
 * Takes those of the indices 0 … n - 1 whose weight is at least `floor` in descending order of weight, the lower index first among equals, while
 * `take` says so. O(n) to begin with and O(log n) for each taken: of a large vocabulary only the few likely tokens are put in order.
 */
export function takeDescending(
  weights: Float64Array,
  n: number,
  floor: number,
  take: (index: number) => boolean,
): void {
  const heap = new Int32Array(n);
  let size = 0;
  for (let i = 0; i < n; i++) if (weights[i] >= floor) heap[size++] = i;
  const before = (a: number, b: number) => weights[a] > weights[b] || (weights[a] === weights[b] && a < b);
  const down = (i: number) => {
    const index = heap[i];
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], index)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = index;
  };
  for (let i = (size >> 1) - 1; i >= 0; i--) down(i);
  while (size > 0) {
    if (!take(heap[0])) return;
    heap[0] = heap[--size];
    if (size > 0) down(0);
  }
}
