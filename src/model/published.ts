import type { PhiConfig } from "./config.ts";

/** A published model, as far as its shape tells it from others. */
interface Published {
  name: string;
  modelType: string;
  /** [layers, D, H, K, F, V] */
  sizes: readonly [number, number, number, number, number, number];
  /** max_position_embeddings. */
  context: number;
  /** rope_theta, where two models differ in it. */
  theta?: number;
}

const MINI = [32, 3072, 32, 32, 8192, 32064] as const;
const MEDIUM = [40, 5120, 40, 10, 17920, 32064] as const;
const PHI4 = [40, 5120, 40, 10, 17920, 100352] as const;
const PHI4_MINI = [32, 3072, 24, 8, 8192, 200064] as const;

/**
 * The published models by the sizes in their config.json (docs/models.md). Some cannot be told apart: fine-tunes of one another have one shape. Those
 * of Phi-tiny-MoE follow from its 3.8 billion parameters, 1.1 of them active (arXiv 2506.18349).
 */
const PUBLISHED: readonly Published[] = [
  { name: "Phi-1 or Phi-1.5", modelType: "phi", sizes: [24, 2048, 32, 32, 8192, 51200], context: 2048 },
  { name: "Phi-2", modelType: "phi", sizes: [32, 2560, 32, 32, 10240, 51200], context: 2048 },
  { name: "Phi-3-mini-4k", modelType: "phi3", sizes: MINI, context: 4096 },
  { name: "Phi-3-mini-128k or Phi-3.5-mini", modelType: "phi3", sizes: MINI, context: 131072 },
  { name: "Phi-3-small-8k", modelType: "phi3small", sizes: [32, 4096, 32, 8, 14336, 100352], context: 8192 },
  { name: "Phi-3-small-128k", modelType: "phi3small", sizes: [32, 4096, 32, 8, 14336, 100352], context: 131072 },
  { name: "Phi-3-medium-4k", modelType: "phi3", sizes: MEDIUM, context: 4096 },
  { name: "Phi-3-medium-128k", modelType: "phi3", sizes: MEDIUM, context: 131072 },
  { name: "Phi-3.5-MoE", modelType: "phimoe", sizes: [32, 4096, 32, 8, 6400, 32064], context: 131072 },
  { name: "Phi-mini-MoE", modelType: "phimoe", sizes: [32, 4096, 32, 8, 960, 32064], context: 4096 },
  { name: "Phi-tiny-MoE", modelType: "phimoe", sizes: [32, 4096, 16, 4, 448, 32064], context: 4096 },
  { name: "Phi-4", modelType: "phi3", sizes: PHI4, context: 16384, theta: 250000 },
  { name: "Phi-4-reasoning", modelType: "phi3", sizes: PHI4, context: 32768, theta: 500000 },
  { name: "Phi-4-mini", modelType: "phi3", sizes: PHI4_MINI, context: 131072 },
  { name: "Phi-4-multimodal", modelType: "phi4_multimodal", sizes: PHI4_MINI, context: 131072 },
  { name: "phi-tiny", modelType: "phi3", sizes: [6, 256, 8, 4, 768, 2048], context: 1024 },
];

/** Their names, one by one. */
export const publishedNames = (): string[] => PUBLISHED.flatMap(({ name }) => name.split(" or "));

/** The published model that a config describes, by its shape. */
export interface PublishedModel {
  /** "Phi-4-mini"; of models that have one shape "Phi-1 or Phi-1.5". */
  name: string;
  /** False where the sizes are the model's and the positions are not: another context, or another base of the rotary frequencies. */
  exact: boolean;
}

/** @returns undefined for a shape that no published model has */
export function publishedModel(config: PhiConfig): PublishedModel | undefined {
  const { layers, hiddenSize, heads, kvHeads, intermediateSize, vocabSize, modelType } = config;
  const sizes = [layers, hiddenSize, heads, kvHeads, intermediateSize, vocabSize];
  const alike = PUBLISHED.filter((p) => p.modelType === modelType && p.sizes.every((n, i) => n === sizes[i]));
  const same = alike.find(
    ({ context, theta = config.ropeTheta }) => context === config.contextLength && theta === config.ropeTheta,
  );
  if (same) return { name: same.name, exact: true };
  return alike.length > 0 ? { name: alike.map((p) => p.name).join(" or "), exact: false } : undefined;
}
