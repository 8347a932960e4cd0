import { startWorker } from "#platform";
import { workerCode } from "#worker-code";
import { withAdapters } from "./core/adapter-sources.ts";
import { checkpointIn, isBytes, openBytes } from "./core/checkpoint.ts";
import { byName } from "./core/folders.ts";
import { gguf } from "./core/gguf.ts";
import { helpers, startHelper } from "./core/helpers.ts";
import { loadWith, type ModelOptions } from "./core/load.ts";
import { lora } from "./core/lora.ts";
import { offThread } from "./core/off-thread.ts";
import type { Elsewhere, Parts } from "./core/parts.ts";
import { text } from "./core/text.ts";
import { OptionError } from "./errors.ts";
import type { Tell } from "./faults.ts";
import { EVERY_PART } from "./load/every-part.ts";
import { foreign } from "./load/foreign.ts";
import { type Input, openInput, URL_OPTIONS, type UrlOptions, withoutUrl } from "./open.ts";
import type { Phi } from "./phi.ts";
import type { Bytes, Source } from "./source/index.ts";
import { connect, loadingInWorker, type WorkerLike } from "./worker/index.ts";

export type { AdapterSources } from "./core/adapter-sources.ts";
export { startHelpers } from "./core/helpers.ts";
export { checkFormats } from "./core/load.ts";
export { withAdapters };

/** Options of {@link loadPhi}. */
export interface PhiOptions extends Omit<ModelOptions, "worker">, UrlOptions {
  /**
   * Where the model runs. `false` (default): in the caller's thread, whose event loop gets its turn now and then. `true`: in a worker made out
   * of code that phi-ts carries along, so that the caller's thread is free. A function: in the worker that it makes, whose file imports
   * `phi-ts/worker`, for pages whose Content-Security-Policy forbids the former; it is called once more for each helper thread. The workers end
   * with `dispose()`.
   */
  worker?: boolean | (() => WorkerLike);
}

/** Whatever {@link loadPhi} takes: what a folder or a file is read from, or the bytes of a file. */
export type ModelInput = Input | Bytes;

/** All that there is: `phi-ts/core` is the same without. */
const PARTS: Parts = { ...EVERY_PART, text, lora, helpers };

/**
 * Loads a Phi checkpoint: a folder with config.json, safetensors and, for text, the tokenizer's files; or a GGUF file, which has all of that; or a
 * packed file of `phi quantize`. What a file is is told by its content.
 * @param source the path of the folder or file (Node, Bun, Deno), its http(s): URL, hf:owner/name[@revision][/FILE], its Files or Blobs, its
 * bytes, or a {@link Source} ({@link droppedFiles} takes a drop)
 * @throws OptionError for an unknown option or a bad value
 * @throws SourceError, FormatError, ConfigError, TokenizerError naming file and cause, before large memory is taken; for what is wrong with an adapter
 * ConfigError or FormatError of code "adapter"
 * @throws MemoryError with the largest contextSize that fits; or the signal's reason
 * @throws WorkerError where a worker was asked for and cannot be had
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 * @example
 * const phi = await loadPhi("models/phi-tiny");
 * for await (const { text } of phi.chat("What is 12 + 30?")) console.log(text);
 * await phi.dispose();
 */
export async function loadPhi(source: ModelInput, options: PhiOptions = {}): Promise<Phi> {
  const { fetching, others } = withoutUrl(options);
  const open = (signal?: AbortSignal) => openCheckpoint("loadPhi", source, { ...fetching, signal });
  const sources: typeof withAdapters = (where, folder, given, signal) =>
    withAdapters(where, folder, given, signal, fetching);
  const parts = { ...PARTS, lora: { ...lora, sources }, elsewhere: placeOf(options?.worker) };
  return loadWith(parts, others, open, URL_OPTIONS);
}

/** @throws OptionError for what names no place */
function placeOf(worker: unknown): Elsewhere | undefined {
  if (worker === undefined || worker === false) return undefined;
  if (worker === true) return inOwnWorker;
  if (typeof worker === "function") return offThread(worker as () => WorkerLike);
  const expected = "true, false, or a function that makes a Worker";
  throw new OptionError({ what: 'loadPhi: option "worker"', got: worker, expected });
}

const inOwnWorker: Elsewhere = {
  load: (folder, signal) =>
    loadingInWorker(
      connect(() => startWorker(workerCode()), startHelper, true, folder),
      folder,
      signal,
    ),
};

/**
 * The folder of a checkpoint, or the one that a GGUF or packed file stands for.
 * @param options how it is fetched, and until when; `tell` of what is wrong with it and leaves a folder all the same
 * @throws OptionError, SourceError if it is neither; FormatError for a packed file of another version
 */
export async function openCheckpoint(
  where: string,
  input: unknown,
  { signal, tell, ...fetching }: UrlOptions & { signal?: AbortSignal; tell?: Tell } = {},
): Promise<Source> {
  const opened = isBytes(input) ? openBytes(input) : await openInput(where, input, fetching);
  return checkpointIn(where, opened, [foreign, gguf], signal, tell, byName);
}
