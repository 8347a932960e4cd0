import type { WeightSpec } from "../model/weights.ts";

/**
 * Tokens of a chunk. Each read of the weights, and each unpacking of them, serves all of its tokens, and between two layers the caller's event loop
 * and whoever waits for a step get their turn. So a chunk of a small model is long, as long as its time in a layer is short, and of every other one
 * has 32 tokens: at 2^31 products a layer takes one thread some 40 ms, and from 128 tokens on nothing more is to be gained (QUADS in
 * kernels/wasm/gemm.ts).
 */
const LEAST = 32;
const MOST = 128;
const PRODUCTS = 2 ** 31;

/** How many tokens a step takes at most: a multiple of 32 by the layer with most weights (all experts counted), or the whole context. */
export function chunkTokens(specs: readonly WeightSpec[], contextSize: number): number {
  const layers = new Map<number, number>();
  for (const { place, vector, rows, cols } of specs)
    if (typeof place === "number" && !vector) layers.set(place, (layers.get(place) ?? 0) + rows * cols);
  const tokens = LEAST * Math.floor(PRODUCTS / Math.max(1, ...layers.values()) / LEAST);
  return Math.min(Math.max(LEAST, Math.min(tokens, MOST)), contextSize);
}
