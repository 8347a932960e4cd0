import { chunkTokens } from "./chunk.ts";
import { largestContext, type Plan } from "./plan.ts";

/** A plan held against a number of bytes. */
export interface Fit {
  /** Whether all arenas together take at most the budget. */
  fits: boolean;
  /**
   * The largest contextSize, with a KV cache as large, that would take at most the budget: the one asked for, or a multiple of 32.
   * 0: none, since the weights and the buffers of one chunk are too large by themselves.
   */
  largestContextSize: number;
}

/** Whether a model planned so fits into `budget` bytes, and with which contextSize it would. */
export function fitBudget(plan: Plan, budget: number): Fit {
  const within = (total: Plan["total"]) => total.bytes <= budget;
  const fits = within(plan.total);
  const { contextLength } = plan.config;
  const widest = { ...plan, contextSize: contextLength, maxChunk: chunkTokens(plan.specs, contextLength) };
  const asked = fits && plan.kvTokens <= plan.contextSize ? plan.contextSize : 0;
  return { fits, largestContextSize: Math.max(largestContext(widest, within), asked) };
}
