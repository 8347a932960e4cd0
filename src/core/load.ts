import { cpuTimeMs, startWorker } from "#platform";
import { helperCode } from "#worker-code";
import { OptionError } from "../errors.ts";
import { Engine } from "../generate/engine.ts";
import { localBackend } from "../generate/local.ts";
import { checkSignal } from "../generate/options.ts";
import { checkWasm } from "../kernels/wasm-module.ts";
import { fillModel, kernelsOf, type ModelKernels } from "../load/load.ts";
import type { LoadOptions } from "../load/options.ts";
import { checkThreads, type Inspected, inspectModel } from "../load/plan-model.ts";
import { LoadMeter } from "../load/progress.ts";
import { checkCallback, checkChoice, checkOptions } from "../options.ts";
import { Phi } from "../phi.ts";
import type { Source } from "../source/index.ts";
import { helpersBy, type StartHelpers } from "../threads/index.ts";
import { eosTokensOf } from "../tokenizer/chat/eos.ts";
import { connect, type Loading, loadingInWorker, type WorkerLike } from "../worker/index.ts";
import type { Parts } from "./parts.ts";

/** Options of {@link loadPhi}. */
export interface PhiOptions extends LoadOptions {
  /**
   * Where the model runs. `false` (default): in the caller's thread, whose event loop gets its turn now and then. `true`: in a worker made out
   * of code that phi-ts carries along, so that the caller's thread is free. A function: in the worker that it makes, whose file imports
   * `phi-ts/worker`, for pages whose Content-Security-Policy forbids the former; it is called once more for each helper thread. The workers end
   * with `dispose()`.
   */
  worker?: boolean | (() => WorkerLike);
}

/**
 * Loads a model with what of phi-ts is in `parts`.
 * @param open gives the checkpoint's folder
 * @param more names of options that it has read
 * @throws as `loadPhi` does
 */
export async function loadWith(
  parts: Parts,
  options: PhiOptions,
  open: (signal: AbortSignal | undefined) => Promise<Source>,
  more: readonly string[] = [],
): Promise<Phi> {
  const start = performance.now();
  checkLoad(options, parts, more);
  const { worker, onProgress, signal, ...engine } = options;
  signal?.throwIfAborted();
  const meter = new LoadMeter(onProgress);
  const folder = meter.watch(await open(signal));
  const loading = worker ? connectTo(worker, parts, folder, signal) : loadingHere(parts, folder, signal);
  const { text } = parts;
  try {
    const { sourceBytes, config, generationConfig } = await loading.inspect(engine);
    meter.announce(sourceBytes);
    const tokenizer = await text?.tokenizerIn(folder, { generationConfig });
    const { backend, loaded } = await loading.fill(meter);
    const told = { eos_token_id: config.eosTokenIds };
    const stopTokens = text?.stopTokensOf(tokenizer, generationConfig, told) ?? eosTokensOf(generationConfig, told);
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
function loadingHere({ formats, reference }: Parts, folder: Source, signal: AbortSignal | undefined): Loading {
  let inspected: Inspected;
  let chosen: ModelKernels;
  return {
    async inspect(options) {
      chosen = kernelsOf(options, reference);
      inspected = await inspectModel(folder, { ...options, formats });
      return inspected;
    },
    async fill(meter) {
      const loaded = await fillModel(inspected, chosen, meter, { signal, start: startHelpers });
      await inspected.files.close();
      return { backend: localBackend(new Engine(loaded.decoder, loaded.contextSize)), loaded };
    },
    abandon: async () => inspected?.files.close(),
  };
}

/** Loading in a worker, which starts now. */
function connectTo(
  worker: true | (() => WorkerLike),
  parts: Parts,
  folder: Source,
  signal: AbortSignal | undefined,
): Loading {
  const own = worker === true;
  const start = own ? (parts.startWorker as () => WorkerLike) : worker;
  return loadingInWorker(connect(start, own ? startHelper : worker, own, folder), folder, signal);
}

const startHelper = (): WorkerLike => startWorker(helperCode());

/** Helper threads, made out of code. */
export const startHelpers: StartHelpers = helpersBy(startHelper);

function checkLoad(options: PhiOptions, parts: Parts, more: readonly string[]): void {
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
  ] satisfies (keyof PhiOptions)[];
  checkOptions(where, options, [...own, ...more]);
  checkFormats(where, options);
  checkChoice(where, "rope", options.rope, ["auto", "long"], "auto");
  checkWasm(where, options.wasm);
  checkThreads(where, options.threads);
  checkCallback(where, "onProgress", options.onProgress);
  checkSignal(where, options.signal);
  const { worker } = options;
  const known = [undefined, false, ...(parts.startWorker ? [true] : [])];
  if (!(known as unknown[]).includes(worker) && typeof worker !== "function") {
    const expected = `${parts.startWorker ? "true, " : ""}false, or a function that makes a Worker`;
    throw new OptionError({ what: `${where}: option "worker"`, got: worker, expected });
  }
}

/** The options that say how a model is held in memory, and by what it is computed. @throws OptionError for a value that is none of theirs */
export function checkFormats(where: string, options: LoadOptions): void {
  checkChoice(where, "weights", options.weights, ["auto", "f32", "q8", "q4"], "auto");
  checkChoice(where, "embedding", options.embedding, ["auto", "q8", "q4"], "auto");
  checkChoice(where, "activations", options.activations, ["int8", "f32"], "int8");
  checkChoice(where, "kv", options.kv, ["auto", "f32", "int8"], "auto");
  checkChoice(where, "kernels", options.kernels, ["auto", "relaxed", "strict", "reference"], "auto");
}
