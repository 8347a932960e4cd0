import type { Source } from "../source/source.ts";
import { assembleBy, type StartHelpers } from "../threads/index.ts";
import { EVERY_PART } from "./every-part.ts";
import { fillModel, kernelsOf, type LoadedModel } from "./load.ts";
import type { LoadOptions } from "./options.ts";
import { MAX_ARENA_BYTES } from "./plan.ts";
import { inspectModel, type PlanOptions } from "./plan-model.ts";
import { LoadMeter } from "./progress.ts";

/**
 * Loads a checkpoint folder: config.json and safetensors (one file or shards with an index) or GGUF, quantizing while it streams.
 * @param maxArenaBytes the most that one arena may take; smaller values spread a model over more arenas
 * @param start starts the helper threads; default: there is only this one
 * @throws ConfigError, FormatError, SourceError, OptionError before memory is taken; MemoryError; the signal's reason on abort
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 */
export async function loadModel(
  source: Source,
  options: LoadOptions & Pick<PlanOptions, "adapters"> = {},
  maxArenaBytes = MAX_ARENA_BYTES,
  start?: StartHelpers,
): Promise<LoadedModel> {
  options.signal?.throwIfAborted();
  const chosen = kernelsOf(options, EVERY_PART);
  const meter = new LoadMeter(options.onProgress);
  const { formats, architectures, lora } = EVERY_PART;
  const planned = { ...options, threads: start ? options.threads : 1, formats, architectures, lora };
  const inspected = await inspectModel(meter.watch(source), planned, maxArenaBytes);
  try {
    meter.announce(inspected.sourceBytes);
    return await fillModel(inspected, chosen, meter, {
      signal: options.signal,
      assemble: start && assembleBy(start),
    });
  } finally {
    await inspected.files.close();
  }
}
