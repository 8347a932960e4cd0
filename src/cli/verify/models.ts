import type { PhiConfig } from "../../model/config.ts";

/** What of a config.json tells published models apart. */
interface Shape
  extends Partial<
    Pick<
      PhiConfig,
      "layers" | "hiddenSize" | "heads" | "kvHeads" | "intermediateSize" | "vocabSize" | "ropeTheta" | "contextLength"
    >
  > {
  modelType: string;
  longrope?: boolean;
}

const MINI: Shape = { modelType: "phi3", layers: 32, hiddenSize: 3072, intermediateSize: 8192 };
const MEDIUM: Shape = { modelType: "phi3", layers: 40, hiddenSize: 5120, heads: 40, kvHeads: 10 };
const SMALL: Shape = { modelType: "phi3small", layers: 32, hiddenSize: 4096, vocabSize: 100352 };

/** Names on the hub, and their shapes. Some share one: their weights alone tell them apart. */
const PUBLISHED: readonly (readonly [name: string, shape: Shape])[] = [
  ["microsoft/phi-1", { modelType: "phi", layers: 24, hiddenSize: 2048, heads: 32 }],
  ["microsoft/phi-1_5", { modelType: "phi", layers: 24, hiddenSize: 2048, heads: 32 }],
  ["microsoft/phi-2", { modelType: "phi", layers: 32, hiddenSize: 2560, heads: 32 }],
  ["microsoft/Phi-3-mini-4k-instruct", { ...MINI, vocabSize: 32064, longrope: false }],
  ["microsoft/Phi-3-mini-128k-instruct", { ...MINI, vocabSize: 32064, longrope: true }],
  ["microsoft/Phi-3.5-mini-instruct", { ...MINI, vocabSize: 32064, longrope: true }],
  ["microsoft/Phi-3-small-8k-instruct", { ...SMALL, longrope: false }],
  ["microsoft/Phi-3-small-128k-instruct", { ...SMALL, longrope: true }],
  ["microsoft/Phi-3-medium-4k-instruct", { ...MEDIUM, vocabSize: 32064, longrope: false }],
  ["microsoft/Phi-3-medium-128k-instruct", { ...MEDIUM, vocabSize: 32064, longrope: true }],
  ["microsoft/Phi-3.5-MoE-instruct", { modelType: "phimoe", layers: 32, hiddenSize: 4096, intermediateSize: 6400 }],
  ["microsoft/Phi-mini-MoE-instruct", { modelType: "phimoe", layers: 32, hiddenSize: 4096, intermediateSize: 960 }],
  ["microsoft/phi-4", { ...MEDIUM, vocabSize: 100352, ropeTheta: 250000 }],
  ["microsoft/Phi-4-reasoning", { ...MEDIUM, vocabSize: 100352, ropeTheta: 500000 }],
  ["microsoft/Phi-4-reasoning-plus", { ...MEDIUM, vocabSize: 100352, ropeTheta: 500000 }],
  ["microsoft/Phi-4-mini-instruct", { ...MINI, heads: 24, vocabSize: 200064 }],
  ["microsoft/Phi-4-mini-reasoning", { ...MINI, heads: 24, vocabSize: 200064 }],
  ["microsoft/Phi-4-multimodal-instruct", { modelType: "phi4_multimodal", layers: 32, hiddenSize: 3072, heads: 24 }],
];

/** Whether a name is one of the hub's that are known here. */
export const isPublished = (name: string): boolean => PUBLISHED.some(([known]) => known === name);

/** The published models that a configuration may be of: those of its shape. Fine-tunes have the shape of what they were made of. */
export function recognize(config: PhiConfig): string[] {
  return PUBLISHED.filter(([, { longrope, ...sizes }]) => {
    const same = (Object.keys(sizes) as (keyof typeof sizes)[]).every((key) => config[key] === sizes[key]);
    return same && (longrope === undefined || longrope === (config.longrope !== undefined));
  }).map(([name]) => name);
}
