import type { MergeRules } from "./merges.ts";

/** One float64 holds rank and place, so that comparing numbers compares ranks first and then places. */
const RANK = 2 ** 32;

/** Words up to this long work in arrays that are kept. */
const KEPT = 4096;

const kept = { next: new Int32Array(KEPT), previous: new Int32Array(KEPT) };

/**
 * Byte-pair merging (Sennrich et al. 2016): of all neighbours that merge, those of the lowest rank, and of these the leftmost, merge
 * first, until none do. A linked list of symbols and a heap of candidates make it O(n log n), however long the word.
 * @param symbols the ids of the word's characters or bytes; the first `count` are taken, and replaced by the tokens they become
 * @returns how many tokens there are
 */
export function mergeAll(symbols: Int32Array, count: number, merges: MergeRules): number {
  if (count < 2) return count;
  const { next, previous } = count <= KEPT ? kept : { next: new Int32Array(count), previous: new Int32Array(count) };
  const heap: number[] = [];
  for (let at = 0; at < count; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
    const rank = at + 1 < count ? merges.rankOf(symbols[at], symbols[at + 1]) : -1;
    if (rank >= 0) heap.push(rank * RANK + at);
  }
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftDown(heap, i);

  while (heap.length > 0) {
    const top = pop(heap);
    const rank = Math.floor(top / RANK);
    const at = top - rank * RANK;
    const token = merges.result[rank];
    // The place may have been merged away since, or have other neighbours now.
    if (symbols[at] < 0 || next[at] >= count) continue;
    const right = next[at];
    const now = merges.rankOf(symbols[at], symbols[right]);
    if (now < 0 || merges.result[now] !== token) continue;
    symbols[at] = token;
    symbols[right] = -1;
    const after = next[right];
    next[at] = after;
    if (after < count) {
      previous[after] = at;
      const rankAfter = merges.rankOf(token, symbols[after]);
      if (rankAfter >= 0) push(heap, rankAfter * RANK + at);
    }
    const before = previous[at];
    if (before >= 0) {
      const rankBefore = merges.rankOf(symbols[before], token);
      if (rankBefore >= 0) push(heap, rankBefore * RANK + before);
    }
  }

  let length = 0;
  for (let at = 0; at < count; at = next[at]) symbols[length++] = symbols[at];
  return length;
}

function push(heap: number[], value: number): void {
  let i = heap.length;
  heap.push(value);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent] <= value) break;
    heap[i] = heap[parent];
    i = parent;
  }
  heap[i] = value;
}

function pop(heap: number[]): number {
  const top = heap[0];
  const last = heap.pop() as number;
  if (heap.length > 0) {
    heap[0] = last;
    siftDown(heap, 0);
  }
  return top;
}

function siftDown(heap: number[], i: number): void {
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
