import type { Tensor } from "../../tensor/tensor.ts";
import { KV_BLOCK, type KVLayer } from "../kernels.ts";

/**
 * Copies the keys and values of qkv [T, H + 2K, dh] (after H query heads, K key heads and K value heads) into the cache's blocks
 * [blocks, K, B, dh], at positions `start` … `start + T - 1`: position p lies in block table[floor(p / B)], at p mod B.
 * Source: the paged cache of W. Kwon et al., "Efficient Memory Management for LLM Serving with PagedAttention" (2023).
 */
export function storeKV(cache: KVLayer, qkv: Tensor, start: number): void {
  const [T, n, dh] = qkv.shape;
  const K = cache.k.shape[1];
  for (let t = 0; t < T; t++) {
    const p = start + t;
    const block = cache.table.data[Math.floor(p / KV_BLOCK)];
    for (let g = 0; g < K; g++) {
      const at = ((block * K + g) * KV_BLOCK + (p % KV_BLOCK)) * dh;
      const key = (t * n + n - 2 * K + g) * dh;
      const value = key + K * dh;
      cache.k.f32.set(qkv.f32.subarray(key, key + dh), at);
      cache.v.f32.set(qkv.f32.subarray(value, value + dh), at);
    }
  }
}
