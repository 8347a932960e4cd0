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
  /** Its name in the code: a key of the layer's or the model's weights; of a list's element "experts.3.down". */
  slot: string;
  /** [rows = outputs, cols = inputs] of a matrix; a vector [cols] has rows 1. */
  rows: number;
  cols: number;
  /** Matrices take the kernel format that the user chose; vectors (norms, biases) are always f32. */
  vector: boolean;
  /** Where a checkpoint has no tensor of this name: the tensors that hold its rows (a vector's elements), one after the other. */
  parts?: readonly Part[];
  /** A matrix that is f32 whatever the user chose: of a router, whose every error may choose another expert. */
  exact?: boolean;
  /** The share of it that a decoding step reads; 1 if absent. */
  use?: number;
}

/** A tensor of a checkpoint that is some rows of a weight. */
export interface Part {
  name: string;
  rows: number;
}

/** Whether it is f32 in every file and in memory, and no one quantizes it. */
export const isFloat = ({ vector, exact }: Pick<WeightSpec, "vector" | "exact">): boolean => vector || exact === true;

/** Numbers that a model consists of, a tied table counted once; and those of them that one token goes through, which are fewer with experts. */
export interface Parameters {
  total: number;
  active: number;
}

export function countParameters(specs: readonly WeightSpec[]): Parameters {
  const sum = (share: (spec: WeightSpec) => number) => specs.reduce((n, s) => n + share(s) * s.rows * s.cols, 0);
  return { total: sum(() => 1), active: Math.round(sum(({ use = 1 }) => use)) };
}

/** The weights outside of the layers. Shapes on the right. */
export interface ModelWeights {
  /** [V, D] */
  embed: PackedMatrix;
  /** [D] */
  norm: Tensor;
  /** [D] of LayerNorm; without one, the last norm is RMSNorm. */
  normBias?: Tensor;
  /** [V, D]; the very object `embed` where embeddings are tied. */
  head: PackedMatrix;
  /** [V] */
  headBias?: Tensor;
}

/** What architectures call the last norm, and whether there are biases. */
interface Ends {
  norm: string;
  normBias?: boolean;
  headBias?: boolean;
}

/** Specs of {@link ModelWeights}, around the specs of the layers; a tied table is listed once. */
export function modelWeights(config: PhiConfig, layers: WeightSpec[], ends: Ends): WeightSpec[] {
  const { vocabSize: V, hiddenSize: D, tiedEmbeddings } = config;
  const last = tiedEmbeddings ? "embed" : "head"; // where the output layer lies
  return [
    matrix("model.embed_tokens.weight", "embed", "embed", V, D),
    ...layers,
    vector(`${ends.norm}.weight`, last, "norm", D),
    ...(ends.normBias ? [vector(`${ends.norm}.bias`, last, "normBias", D)] : []),
    ...(tiedEmbeddings ? [] : [matrix("lm_head.weight", last, "head", V, D)]),
    ...(ends.headBias ? [vector("lm_head.bias", last, "headBias", V)] : []),
  ];
}

export function matrix(name: string, place: Place, slot: string, rows: number, cols: number): WeightSpec {
  return { name, place, slot, rows, cols, vector: false };
}

export function vector(name: string, place: Place, slot: string, cols: number): WeightSpec {
  return { name, place, slot, rows: 1, cols, vector: true };
}

/** A linear layer's matrix and bias [N] with the slots `slot` and `slot`Bias. */
export function biased(name: string, place: Place, slot: string, rows: number, cols: number): WeightSpec[] {
  return [matrix(`${name}.weight`, place, slot, rows, cols), vector(`${name}.bias`, place, `${slot}Bias`, rows)];
}

/**
 * The same weight, put together from tensors of the checkpoint.
 * @param parts the rows of each, and how it is called beside "qkv_proj" of "…self_attn.qkv_proj.weight"; "/base_layer" is below it
 */
export function joined(spec: WeightSpec, parts: readonly (readonly [name: string, rows: number])[]): WeightSpec {
  const [, path, own, kind] = /^(.*)\.([^.]+)\.([^.]+)$/.exec(spec.name) as RegExpExecArray;
  const full = (name: string) => `${path}.${name.startsWith("/") ? `${own}.${name.slice(1)}` : name}.${kind}`;
  return { ...spec, parts: parts.map(([name, rows]) => ({ name: full(name), rows })) };
}
