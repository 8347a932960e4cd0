import type { Phi } from "../../src/index.ts";
import { phi3Weights } from "../../src/model/phi3.ts";
import { packedBytes } from "../../src/quant/index.ts";

/** What the matrices of a model cost; norms, rope and activations are left out as too little to count. */
export interface Cost {
  /** Bytes of weights that a step reads, whatever the number of its tokens: all matrices, but of an untied embedding table one row. */
  weightBytes: number;
  /** Multiply-adds that each token takes in the layers. */
  layerMacs: number;
  /** Multiply-adds of the output layer, of which a prompt needs the last token's only. */
  headMacs: number;
  /** Bytes of keys and values that a token with S - 1 others before it reads. */
  kvBytes(S: number): number;
}

export function costOf(phi: Phi): Cost {
  const { layers, kvHeads: K, headDim: dh, vocabSize: V, hiddenSize: D, tiedEmbeddings } = phi.config;
  const cost = { weightBytes: 0, layerMacs: 0, headMacs: V * D };
  for (const { place, vector, rows, cols } of phi3Weights(phi.config)) {
    if (vector || (place === "embed" && !tiedEmbeddings)) continue;
    const inLayer = typeof place === "number";
    cost.weightBytes += packedBytes(inLayer ? phi.weights : phi.embedding, rows, cols);
    if (inLayer) cost.layerMacs += rows * cols;
  }
  // int8: dh bytes and a float32 scale for each position and head (src/kernels/kv-layer.ts).
  const head = phi.kv === "int8" ? dh + 4 : 4 * dh;
  return { ...cost, kvBytes: (S) => layers * 2 * K * head * S };
}
