import { ConfigError } from "../errors.ts";

/**
 * Fine-tuning tools save Phi-3 and Phi-4 as models of type `llama` (or `mistral`), whose mathematics is the same: only the fused matrices are cut
 * up. Nothing in such a config.json says "Phi", so that it is known by evidence, any one of these:
 *
 * - the sizes of a published Phi (layers, hidden, heads, key heads, feed-forward);
 * - the control tokens of Phi-4, or those of Phi-3 and Phi-4-mini, in its tokenizer;
 * - `rope_theta` 250000, which is Phi-4's.
 *
 * All other Llamas are refused: their tokenizers and chat formats are not built, and nobody has compared them with their references.
 */

/** Sizes of a model, as config.json or a GGUF file's metadata give them. */
export interface Sizes {
  layers: number;
  /** D */
  hiddenSize: number;
  /** H */
  heads: number;
  /** K */
  kvHeads: number;
  /** F */
  intermediateSize: number;
  ropeTheta: number;
}

/** [layers, D, H, K, F] of published models. The vocabulary is no part of it: fine-tuning adds tokens. */
const SHAPES: readonly (readonly number[])[] = [
  [32, 3072, 32, 32, 8192], // Phi-3-mini, Phi-3.5-mini
  [40, 5120, 40, 10, 17920], // Phi-3-medium, Phi-4
  [32, 3072, 24, 8, 8192], // Phi-4-mini
];

const PHI_4_THETA = 250_000;

/** Control tokens that are in no other family's vocabulary together. */
const TOKENS: readonly (readonly string[])[] = [
  ["<|im_start|>", "<|im_sep|>", "<|im_end|>"], // Phi-4
  ["<|user|>", "<|assistant|>", "<|end|>"], // Phi-3, Phi-4-mini
];

/** Whether a model's sizes and theta are those of a Phi. */
export function hasPhiSizes(sizes: Sizes): boolean {
  const { layers, hiddenSize, heads, kvHeads, intermediateSize, ropeTheta } = sizes;
  const own = [layers, hiddenSize, heads, kvHeads, intermediateSize];
  return ropeTheta === PHI_4_THETA || SHAPES.some((shape) => shape.every((n, i) => n === own[i]));
}

/** Whether a vocabulary has the control tokens of a Phi. */
export function hasPhiTokens(tokens: Iterable<string>): boolean {
  const all = tokens instanceof Set ? tokens : new Set(tokens);
  return TOKENS.some((family) => family.every((token) => all.has(token)));
}

/** The refusal of a Llama that nothing says to be a Phi. @param type as the file has it */
export function noPhi(type: string, file: string, { layers, hiddenSize, heads, kvHeads, intermediateSize }: Sizes) {
  const what = `a model of type ${type}, and nothing says that it is a Phi which was converted to it`;
  const got = `${layers} layers, hidden ${hiddenSize}, ${heads} heads, ${kvHeads} key heads, feed-forward ${intermediateSize}`;
  const expected =
    "the sizes of Phi-3, Phi-3.5 or Phi-4, or a tokenizer with their control tokens, or rope_theta 250000";
  return new ConfigError({ what, file, got, expected }, "architecture");
}
