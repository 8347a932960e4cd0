import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PhiConfig } from "./config.ts";

/** Where a weight is used: with the embedding, at the head, or in the layer of that number. Decides in which arena it lies. */
export type Place = "embed" | "head" | number;

/** One weight that a checkpoint must hold, before anything is read. */
export interface WeightSpec {
  /** Tensor name in the checkpoint, as Hugging Face writes it. */
  name: string;
  place: Place;
  /** Its name in the code: a key of the layer's or the model's weights. */
  slot: string;
  /** [rows = outputs, cols = inputs] of a matrix; a vector [cols] has rows 1. */
  rows: number;
  cols: number;
  /** Matrices take the kernel format that the user chose; vectors (norms, biases) are always f32. */
  vector: boolean;
}

/** The weights outside of the layers, which all architectures share. Shapes on the right. */
export interface ModelWeights {
  /** [V, D] */
  embed: PackedMatrix;
  /** [D] */
  norm: Tensor;
  /** [V, D]; the very object `embed` where embeddings are tied. */
  head: PackedMatrix;
}

/** Specs of {@link ModelWeights}, around the specs of the layers; a tied table is listed once. */
export function modelWeights(config: PhiConfig, layers: WeightSpec[]): WeightSpec[] {
  const { vocabSize: V, hiddenSize: D, tiedEmbeddings } = config;
  const head = tiedEmbeddings ? [] : [matrix("lm_head.weight", "head", "head", V, D)];
  return [
    matrix("model.embed_tokens.weight", "embed", "embed", V, D),
    ...layers,
    vector("model.norm.weight", tiedEmbeddings ? "embed" : "head", "norm", D),
    ...head,
  ];
}

export function matrix(name: string, place: Place, slot: string, rows: number, cols: number): WeightSpec {
  return { name, place, slot, rows, cols, vector: false };
}

export function vector(name: string, place: Place, slot: string, cols: number): WeightSpec {
  return { name, place, slot, rows: 1, cols, vector: true };
}
