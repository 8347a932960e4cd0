import type { Tensor } from "../../tensor/tensor.ts";
import { KV_BLOCK, type KVLayer } from "../kernels.ts";
import { int8At, paddedHead } from "../kv-layer.ts";
import { scaleOf, toInt8 } from "./quantize-activations.ts";

/**
 * Puts the keys and values of qkv [T, H + 2K, dh] (after H query heads, K key heads and K value heads) into the cache's blocks, at positions
 * `start` … `start + T - 1`: position p lies in block table[floor(p / B)], at p mod B. f32 pools take copies; int8 pools (kv-layer.ts draws them)
 * take q and scale by the rule of quantizeActivations, with a head as the group.
 * Error of int8: |x - q · scale| ≤ scale · (1/2 + 2^-16) where max |x| ≥ 2^-119. A head that holds an infinity or a NaN gets scale NaN.
 * Source: the paged cache of W. Kwon et al., "Efficient Memory Management for LLM Serving with PagedAttention" (2023).
 */
export function storeKV(cache: KVLayer, qkv: Tensor, start: number): void {
  const [T, n, dh] = qkv.shape;
  const { k, v, scales } = cache;
  const [K, blocks] = k.shape;
  const width = paddedHead(dh);
  for (let t = 0; t < T; t++) {
    const p = start + t;
    const block = cache.table.data[Math.floor(p / KV_BLOCK)];
    for (let g = 0; g < K; g++) {
      const from = (t * n + n - 2 * K + g) * dh;
      const key = qkv.f32.subarray(from, from + dh);
      const value = qkv.f32.subarray(from + K * dh, from + (K + 1) * dh);
      const slot = g * blocks + block;
      const j = p % KV_BLOCK;
      const at = slot * KV_BLOCK + j;
      const first = slot * KV_BLOCK * width;
      if (!scales) {
        k.f32.set(key, at * dh);
        v.f32.set(value, at * dh);
        continue;
      }
      scales.k.f32[at] = quantize(key, (d, q) => {
        k.data[first + int8At(j, d, width)] = q;
      });
      scales.v.f32[at] = quantize(value, (d, q) => {
        v.data[first + int8At(d, j, KV_BLOCK)] = q;
      });
    }
  }
}

/** Hands on the int8 of each dim, up to the next multiple of 8, and returns the scale. */
function quantize(x: Float32Array, put: (d: number, q: number) => void): number {
  const scale = scaleOf(x);
  for (let d = 0; d < paddedHead(x.length); d++) put(d, d < x.length ? toInt8(x[d], scale) : 0);
  return scale;
}
