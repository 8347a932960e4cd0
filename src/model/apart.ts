import type { Kernels, KVLayer } from "../kernels/kernels.ts";

/** Where a token of a sequence stands: its position, and the numbers of the sequence's KV blocks. */
export interface Place {
  readonly start: number;
  readonly blocks: readonly number[];
}

/**
 * The kernels for T tokens of as many sequences: keys and values of each are stored and attended to by themselves, and all else goes through the
 * weights together. No row of a kernel looks at another, so each token gets the bits that it would get alone.
 */
export function apart(kernels: Kernels, places: readonly Place[]): Kernels {
  const cacheOf = (kv: KVLayer, t: number): KVLayer => {
    (kv.table.data as Int32Array).set(places[t].blocks);
    return kv;
  };
  return {
    ...kernels,
    storeKV(kv, qkv) {
      for (const [t, { start }] of places.entries()) kernels.storeKV(cacheOf(kv, t), qkv.rows(t, t + 1), start);
    },
    attention(out, qkv, kv, _, window, scale, pattern) {
      for (const [t, { start }] of places.entries())
        kernels.attention(out.rows(t, t + 1), qkv.rows(t, t + 1), cacheOf(kv, t), start, window, scale, pattern);
    },
  };
}
