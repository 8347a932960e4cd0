import type { PhiOptions } from "../../index.ts";

/** A way to hold a model in memory, and how near to the figures it must come. */
export interface Precision {
  name: "f32" | "q8" | "q4" | "file";
  load: Pick<PhiOptions, "weights" | "activations" | "kv">;
  /**
   * The deviation of logits may be that share of their spread (see `Deviation.relative`); undefined: each figure is held to its own atol and rtol.
   */
  share?: number;
  /** Where the text goes another way, the token of the reference may be so much less likely than ours, as a difference of logits. */
  gap: number;
}

/**
 * f32 is exact for weights of bf16, f16 and f32, so what remains is the order of sums. Its text may part from the reference's only where two tokens
 * are as good as equal: 0.1 is what bfloat16 and float16, in which some references were computed, move a logit by.
 * q8 and q4 quantize weights, activations and cache. Their shares are three times and twice what the rows of phi-tiny deviate by at most, 1.8 % and
 * 18 % (test/cli/verify.test.ts): a trained model, but of 6 layers and 256 dims; the published ones are deeper, which adds, and wider, which averages.
 * Wrong mathematics is far above: two unrelated rows of logits have a share of 1.4.
 * "file" is for checkpoints that are quantized already; they are held to what q4 is.
 */
export const PRECISIONS: readonly Precision[] = [
  { name: "f32", load: { weights: "f32", activations: "f32", kv: "f32" }, gap: 0.1 },
  { name: "q8", load: { weights: "q8" }, share: 0.06, gap: 0.5 },
  { name: "q4", load: { weights: "q4" }, share: 0.4, gap: 2 },
];

export const AS_IN_THE_FILE: Precision = { name: "file", load: { weights: "auto" }, share: 0.4, gap: 2 };
