import { checkSignal } from "./generate/options.ts";
import type { KVFormat } from "./kernels/kernels.ts";
import { type Fit, fitBudget } from "./load/budget.ts";
import { EVERY_PART } from "./load/every-part.ts";
import { type MemoryUse, memoryUse } from "./load/load.ts";
import { planModel } from "./load/plan-model.ts";
import { checkFormats, type ModelInput, openCheckpoint, type PhiOptions, withAdapters } from "./load-phi.ts";
import type { PhiConfig } from "./model/config.ts";
import type { Activations } from "./model/scratch.ts";
import { URL_OPTIONS, type UrlOptions, withoutUrl } from "./open.ts";
import { checkNumber, checkOptions } from "./options.ts";
import type { WeightFormat } from "./quant/packed-matrix.ts";

type Layout =
  | ("weights" | "embedding" | "activations" | "kv" | "kernels" | "contextSize" | "kvTokens" | "threads")
  | ("adapters" | "signal");

/** Options of {@link estimate}: those of `loadPhi` that decide about memory, and a budget. */
export interface EstimateOptions extends Pick<PhiOptions, Layout>, UrlOptions {
  /** Bytes that the model may take. */
  budget?: number;
}

/** What loading a checkpoint would take. With a budget also whether that fits, and what would. */
export interface Estimate extends Partial<Fit> {
  config: PhiConfig;
  /** Formats as `loadPhi` would choose them. */
  weights: WeightFormat;
  embedding: WeightFormat;
  activations: Activations;
  kv: KVFormat;
  /** Tokens of the longest sequence, and of all that are cached. */
  contextSize: number;
  kvTokens: number;
  /** Bytes in memory, the very figures that `phi.memory` has after loading. */
  memory: MemoryUse;
  /** Bytes of weights that loading reads from the source; the tokenizer's files come on top. */
  sourceBytes: number;
}

/**
 * The memory that `loadPhi` would take for the same source and options, arena by arena, from config.json and the headers of the weights alone:
 * some kilobytes are read, even of a checkpoint at a URL. The tokenizer need not be there. Beside the arenas a process needs what the engine,
 * the tokenizer, and the bytes on their way from a web server take. (In a page, where only a model in a worker can have helper threads, these
 * add 32 KiB each to an arena.)
 * @throws OptionError for an unknown option or a bad value; SourceError, FormatError, ConfigError as `loadPhi`
 * @throws MemoryError with the largest contextSize that could be loaded, if the one asked for needs more of one layer's memory than
 * WebAssembly's 32 bits can address
 * @example
 * const { memory, fits, largestContextSize } = await estimate("models/phi-tiny", { budget: 4e9 });
 * console.log(`${memory.total} bytes`, fits ? "fit" : `are too many; ${largestContextSize} tokens would fit`);
 */
export async function estimate(source: ModelInput, options: EstimateOptions = {}): Promise<Estimate> {
  const where = "estimate";
  const { fetching, others } = withoutUrl(checkEstimate(where, options));
  const { budget, signal, adapters: given, ...layout } = others;
  const checkpoint = await openCheckpoint(where, source, { ...fetching, signal });
  const { source: folder, adapters } = await withAdapters(where, checkpoint, given, signal, fetching);
  const { config, files, plan, sourceBytes } = await planModel(folder, { ...layout, adapters, ...EVERY_PART });
  await files.close();
  const { format: weights, embedding = weights, activations, kv, contextSize, kvTokens } = plan;
  return {
    config,
    ...{ weights, embedding, activations, kv, contextSize, kvTokens },
    memory: memoryUse(plan),
    sourceBytes,
    ...(budget !== undefined && fitBudget(plan, budget)),
  };
}

/** @throws OptionError for an unknown option or a bad value; the signal's reason */
export function checkEstimate(where: string, options: EstimateOptions): EstimateOptions {
  checkOptions(where, options, [
    "weights",
    "embedding",
    "activations",
    "kv",
    "kernels",
    "contextSize",
    "kvTokens",
    "threads",
    "adapters",
    "signal",
    "budget",
    ...URL_OPTIONS,
  ] satisfies (keyof EstimateOptions)[]);
  checkFormats(where, options);
  checkSignal(where, options.signal);
  checkNumber(where, "budget", options.budget, { min: 0, max: Number.MAX_SAFE_INTEGER }, 0);
  options.signal?.throwIfAborted();
  return options;
}
