import type { WeightSpec } from "../model/weights.ts";

/**
 * Tokens of a chunk. Each read of the weights, and each unpacking of them, serves all of its tokens; between two layers the caller's event loop
 * gets its turn. So a chunk is long where its time in a layer is short, and has 32 tokens elsewhere: at 2^33 products a layer takes one thread some
 * 80 to 140 ms, and from 128 tokens on nothing more is to be gained (QUADS in kernels/wasm/gemm.ts). Its buffers are to be little beside the weights:
 * some tens of kilobytes for a token, of which each has a million weights. While others wait for their steps, chunks are shorter (generate/engine.ts).
 */
const LEAST = 32;
const MOST = 128;
const PRODUCTS = 2 ** 33;
const WEIGHTS = 2 ** 20;

/** How many tokens a step takes at most: a multiple of 32 by the layer with most weights (all experts counted), or the whole context. */
export function chunkTokens(specs: readonly WeightSpec[], contextSize: number): number {
  const layers = new Map<number, number>();
  let all = 0;
  for (const { place, vector, rows, cols } of specs) {
    all += rows * cols;
    if (typeof place === "number" && !vector) layers.set(place, (layers.get(place) ?? 0) + rows * cols);
  }
  const tokens = Math.min(MOST, PRODUCTS / Math.max(1, ...layers.values()), all / WEIGHTS);
  return Math.min(Math.max(LEAST, LEAST * Math.floor(tokens / LEAST)), contextSize);
}
