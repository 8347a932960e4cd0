import { cpuTimeMs, startWorker } from "#platform";
import { helperCode, workerCode } from "#worker-code";
import { OptionError, SourceError } from "./errors.ts";
import { type Tell, throwIt } from "./faults.ts";
import { foreignFile } from "./formats/foreign.ts";
import { ggufFolder, isGgufStart } from "./formats/gguf/checkpoint/source.ts";
import { openPacked } from "./formats/packed/packed.ts";
import { Engine } from "./generate/engine.ts";
import { localBackend } from "./generate/local.ts";
import { checkSignal } from "./generate/options.ts";
import type { KernelChoice } from "./kernels/choose.ts";
import { checkWasm } from "./kernels/wasm-module.ts";
import { fillModel, kernelsOf } from "./load/load.ts";
import type { LoadOptions } from "./load/options.ts";
import { checkThreads, type Inspected, inspectModel } from "./load/plan-model.ts";
import { LoadMeter } from "./load/progress.ts";
import { type Input, openInput } from "./open.ts";
import { checkCallback, checkChoice, checkOptions } from "./options.ts";
import { Phi } from "./phi.ts";
import { abortableSource, type Bytes, bytesSource, type Opened, type Source, withFile } from "./source/index.ts";
import { helpersBy, type StartHelpers } from "./threads/index.ts";
import { stopTokensOf } from "./tokenizer/index.ts";
import { tokenizerIn } from "./tokenizer/load.ts";
import { connect, type Loading, loadingInWorker, type WorkerLike } from "./worker/index.ts";

/** Whatever {@link loadPhi} takes: what a folder or a file is read from, or the bytes of a file. */
export type ModelInput = Input | Bytes;

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
 * Loads a Phi checkpoint: a folder with config.json, safetensors and, for text, the tokenizer's files; or a GGUF file, which has all of that; or a
 * packed file of `phi quantize`. What a file is is told by its content.
 * @param source the path of the folder or file (Node, Bun, Deno), its http(s): URL, its Files or Blobs, its bytes, or a {@link Source}
 * ({@link urlSource} takes headers, {@link droppedFiles} a drop)
 * @throws OptionError for an unknown option or a bad value
 * @throws SourceError, FormatError, ConfigError, TokenizerError naming file and cause, before large memory is taken
 * @throws MemoryError with the largest contextSize that fits; or the signal's reason
 * @throws WorkerError where a worker was asked for and cannot be had
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 * @example
 * const phi = await loadPhi("models/phi-tiny");
 * for await (const { text } of phi.chat("What is 12 + 30?")) console.log(text);
 * await phi.dispose();
 */
export async function loadPhi(source: ModelInput, options: PhiOptions = {}): Promise<Phi> {
  const start = performance.now();
  checkLoad(options);
  const { worker, onProgress, signal, ...engine } = options;
  signal?.throwIfAborted();
  const meter = new LoadMeter(onProgress);
  const folder = meter.watch(await openCheckpoint("loadPhi", source, signal));
  const loading = worker ? connectTo(worker, folder, signal) : loadingHere(folder, signal);
  try {
    const { sourceBytes, config, generationConfig } = await loading.inspect(engine);
    meter.announce(sourceBytes);
    const tokenizer = await tokenizerIn(folder, { generationConfig });
    const { backend, loaded } = await loading.fill(meter);
    const stopTokens = stopTokensOf(tokenizer, generationConfig, { eos_token_id: config.eosTokenIds });
    const stopIds = stopTokens.map(({ id }) => id);
    const model = { backend, tokenizer, stopIds, loadMs: performance.now() - start, cpuMs: cpuTimeMs };
    return new Phi({ model, loaded, stopTokens });
  } catch (error) {
    await loading.abandon();
    throw error;
  }
}

/** Loading in the caller's thread. */
function loadingHere(folder: Source, signal: AbortSignal | undefined): Loading {
  let inspected: Inspected;
  let chosen: KernelChoice;
  return {
    async inspect(options) {
      chosen = kernelsOf(options);
      inspected = await inspectModel(folder, options);
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
function connectTo(worker: true | (() => WorkerLike), folder: Source, signal: AbortSignal | undefined): Loading {
  const own = worker === true;
  const start = own ? () => startWorker(workerCode()) : worker;
  return loadingInWorker(connect(start, own ? startHelper : worker, own, folder), folder, signal);
}

const startHelper = (): WorkerLike => startWorker(helperCode());

/** Helper threads, made out of code. */
export const startHelpers: StartHelpers = helpersBy(startHelper);

function checkLoad(options: PhiOptions): void {
  const where = "loadPhi";
  checkOptions(where, options, [
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
  ] satisfies (keyof PhiOptions)[]);
  checkFormats(where, options);
  checkChoice(where, "rope", options.rope, ["auto", "long"], "auto");
  checkWasm(where, options.wasm);
  checkThreads(where, options.threads);
  checkCallback(where, "onProgress", options.onProgress);
  checkSignal(where, options.signal);
  const { worker } = options;
  if (worker !== undefined && typeof worker !== "boolean" && typeof worker !== "function") {
    const expected = "true, false, or a function that makes a Worker";
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

/**
 * The folder of a checkpoint, or the one that a packed file stands for.
 * @param tell of what is wrong with it and leaves a folder all the same
 * @throws OptionError, SourceError if it is neither; FormatError for a packed file of another version
 */
export async function openCheckpoint(
  where: string,
  input: unknown,
  signal?: AbortSignal,
  tell: Tell = throwIt,
): Promise<Source> {
  const { source, file } = await openAny(where, input);
  const folder = abortableSource(source, signal);
  const gguf = await ggufIn(folder, file, tell);
  if (gguf) return gguf;
  const packed = await openPacked(folder, file);
  if (packed) return packed;
  if (file === undefined) return folder;
  throw new SourceError({
    what: `${where} takes the folder of a checkpoint, a GGUF file or a packed file, but not one of a folder's files`,
    file,
    expected: "a folder with config.json and *.safetensors",
  });
}

/** What was given, bytes included: these have no name, and get one by their beginning. */
async function openAny(where: string, input: unknown): Promise<Opened> {
  if (!(input instanceof Uint8Array || input instanceof ArrayBuffer)) return openInput(where, input);
  const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
  const file = isGgufStart(bytes) ? "model.gguf" : "model.safetensors";
  return { source: bytesSource({ [file]: bytes }), file };
}

/**
 * The folder that a GGUF checkpoint stands for: the file that was named, whatever it is called, or the only one of a folder without config.json.
 * @returns undefined if it is none
 * @throws SourceError (code "foreign") for a file that is known and not read, by what it is
 */
async function ggufIn(folder: Source, file: string | undefined, tell: Tell): Promise<Source | undefined> {
  if (file !== undefined) {
    if (/\.(json|jinja|json\.gz)$/.test(file)) return undefined;
    const start = await withFile(folder, file, (opened) => opened.read(0, Math.min(16, opened.size)));
    if (isGgufStart(start)) return ggufFolder(folder, file, tell);
    const foreign = foreignFile(file, start);
    if (foreign) throw foreign;
    return file.endsWith(".gguf") ? ggufFolder(folder, file, tell) : undefined;
  }
  const names = (await folder.list?.()) ?? [];
  const wanted = !names.includes("config.json") && names.some((name) => name.endsWith(".gguf"));
  return wanted ? ggufFolder(folder, undefined, tell) : undefined;
}
