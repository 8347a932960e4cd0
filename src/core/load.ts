import { cpuTimeMs } from "#platform";
import { OptionError } from "../errors.ts";
import { Engine } from "../generate/engine.ts";
import { localBackend } from "../generate/local.ts";
import { checkSignal } from "../generate/options.ts";
import { checkWasm } from "../kernels/wasm-module.ts";
import { madeOf } from "../load/file-format.ts";
import { fillModel, kernelsOf, type ModelKernels } from "../load/load.ts";
import { noLora } from "../load/no-part.ts";
import type { LoadOptions } from "../load/options.ts";
import { checkThreads, type Inspected, inspectModel } from "../load/plan-model.ts";
import { LoadMeter } from "../load/progress.ts";
import { checkCallback, checkChoice, checkOptions } from "../options.ts";
import { Phi } from "../phi.ts";
import type { Source } from "../source/index.ts";
import { eosTokensOf, ofMetadata } from "../tokenizer/chat/eos.ts";
import type { Loading } from "../worker/index.ts";
import type { AdapterSources } from "./adapter-sources.ts";
import type { Parts } from "./parts.ts";

const NO_HELPERS = '"auto" or 1, or { helpers } of "phi-ts/core/helpers"';

/** Options of loading, wherever the model runs. */
export interface ModelOptions extends LoadOptions {
  /**
   * LoRA adapters to load beside the model, by name: folders as HF PEFT saves them, or `true` for one that the checkpoint itself has (Phi-4-multimodal's
   * "vision" and "speech"). None works before `phi.setAdapter` or a call's option `adapter` says so; see docs/adapters.md.
   */
  adapters?: AdapterSources;
  /** Read by who gives `elsewhere`. */
  worker?: unknown;
}

/**
 * Loads a model with what of phi-ts is in `parts`.
 * @param open gives the checkpoint's folder
 * @param more names of options that it has read
 * @throws as `loadPhi` does
 */
export async function loadWith(
  parts: Parts,
  options: ModelOptions,
  open: (signal: AbortSignal | undefined) => Promise<Source>,
  more: readonly string[] = [],
): Promise<Phi> {
  const start = performance.now();
  checkLoad(options, parts, more);
  const { onProgress, signal, adapters: given, worker: _, ...engine } = options;
  signal?.throwIfAborted();
  const meter = new LoadMeter(onProgress);
  const checkpoint = await open(signal);
  const joined = await parts.lora?.sources("loadPhi", checkpoint, given, signal);
  const { source, adapters } = joined ?? { source: checkpoint };
  const folder = meter.watch(source);
  const loading = parts.elsewhere?.load(folder, signal) ?? loadingHere(parts, folder, signal);
  const { text } = parts;
  try {
    const { sourceBytes, config, generationConfig } = await loading.inspect({ ...engine, adapters });
    meter.announce(sourceBytes);
    const tokenizer = await text?.tokenizerIn(folder, { generationConfig });
    const { backend, loaded } = await loading.fill(meter);
    const told = { eos_token_id: config.eosTokenIds };
    const stops = text?.stopTokensOf(tokenizer, generationConfig, told) ?? eosTokensOf(generationConfig, told);
    const stopTokens = madeOf(parts.formats ?? [], await folder.list?.()) ? ofMetadata(stops) : stops;
    const stopIds = stopTokens.map(({ id }) => id);
    const loadMs = performance.now() - start;
    const renderChat = text?.renderChat;
    return new Phi({
      model: { backend, tokenizer, renderChat, stopIds, loadMs, cpuMs: cpuTimeMs },
      loaded,
      stopTokens,
    });
  } catch (error) {
    await loading.abandon();
    throw error;
  }
}

/** Loading in the caller's thread. */
function loadingHere(parts: Parts, folder: Source, signal: AbortSignal | undefined): Loading {
  const { formats, architectures, lora, helpers } = parts;
  let inspected: Inspected;
  let chosen: ModelKernels;
  return {
    async inspect(options) {
      chosen = kernelsOf(options, parts);
      inspected = await inspectModel(folder, {
        ...options,
        formats,
        architectures,
        lora,
        canStartThreads: helpers ? undefined : false,
      });
      return inspected;
    },
    async fill(meter) {
      const loaded = await fillModel(inspected, chosen, meter, { signal, assemble: helpers });
      await inspected.files.close();
      return { backend: localBackend(new Engine(loaded.decoder, loaded.contextSize)), loaded };
    },
    abandon: async () => inspected?.files.close(),
  };
}

function checkLoad(options: ModelOptions, parts: Parts, more: readonly string[]): void {
  const where = "loadPhi";
  const own = [
    "weights",
    "embedding",
    "activations",
    "kv",
    "kernels",
    "wasm",
    "threads",
    "contextSize",
    "kvTokens",
    "rope",
    "onProgress",
    "signal",
    "worker",
    "adapters",
  ] satisfies (keyof ModelOptions)[];
  checkOptions(where, options, [...own, ...more]);
  if (options.adapters !== undefined && !parts.lora) throw noLora();
  checkFormats(where, options);
  checkChoice(where, "rope", options.rope, ["auto", "long"], "auto");
  checkWasm(where, options.wasm);
  const threads = checkThreads(where, options.threads);
  if (typeof threads === "number" && threads > 1 && !parts.helpers && !parts.elsewhere)
    throw new OptionError({ what: `${where}: option "threads"`, got: threads, expected: NO_HELPERS });
  checkCallback(where, "onProgress", options.onProgress);
  checkSignal(where, options.signal);
}

/** The options that say how a model is held in memory, and by what it is computed. @throws OptionError for a value that is none of theirs */
export function checkFormats(where: string, options: LoadOptions): void {
  checkChoice(where, "weights", options.weights, ["auto", "f32", "q8", "q4"], "auto");
  checkChoice(where, "embedding", options.embedding, ["auto", "q8", "q4"], "auto");
  checkChoice(where, "activations", options.activations, ["int8", "f32"], "int8");
  checkChoice(where, "kv", options.kv, ["auto", "f32", "int8"], "auto");
  checkChoice(where, "kernels", options.kernels, ["auto", "relaxed", "strict", "reference"], "auto");
}
