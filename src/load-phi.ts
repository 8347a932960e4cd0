import { cpuTimeMs, openPath } from "#platform";
import { OptionError, SourceError } from "./errors.ts";
import { Engine } from "./generate/engine.ts";
import { localBackend } from "./generate/local.ts";
import { checkSignal } from "./generate/options.ts";
import { checkWasm } from "./kernels/wasm-module.ts";
import { type LoadOptions, loadModel } from "./load/load.ts";
import { checkCallback, checkChoice, checkOptions } from "./options.ts";
import { Phi } from "./phi.ts";
import { abortableSource, checkedSource, isSource, type Source } from "./source/index.ts";
import { loadTokenizer, stopTokensOf, type Tokenizer } from "./tokenizer/index.ts";

/**
 * Loads a Phi checkpoint: a folder with config.json, safetensors and, for text, the tokenizer's files.
 * @param source the path of the folder, or a Source
 * @throws OptionError for an unknown option or a bad value
 * @throws SourceError, FormatError, ConfigError, TokenizerError naming file and cause, before large memory is taken
 * @throws MemoryError with the largest contextSize that fits; or the signal's reason
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 * @example
 * const phi = await loadPhi("models/phi-tiny");
 * for await (const { text } of phi.chat("What is 12 + 30?")) console.log(text);
 * await phi.dispose();
 */
export async function loadPhi(source: string | Source, options: LoadOptions = {}): Promise<Phi> {
  const start = performance.now();
  checkLoad(options);
  options.signal?.throwIfAborted();
  const folder = abortableSource(await open(source), options.signal);
  const tokenizer = await tokenizerOf(folder);
  const loaded = await loadModel(folder, options);
  const { decoder, config, contextSize, generationConfig } = loaded;
  const stopTokens = stopTokensOf(tokenizer, generationConfig, { eos_token_id: config.eosTokenIds });
  const model = {
    backend: localBackend(new Engine(decoder, contextSize)),
    tokenizer,
    stopIds: stopTokens.map(({ id }) => id),
    loadMs: performance.now() - start,
    cpuMs: cpuTimeMs,
  };
  return new Phi({ model, loaded, stopTokens });
}

function checkLoad(options: LoadOptions): void {
  const where = "loadPhi";
  checkOptions(where, options, [
    "weights",
    "embedding",
    "activations",
    "kernels",
    "wasm",
    "contextSize",
    "kvTokens",
    "onProgress",
    "signal",
  ] satisfies (keyof LoadOptions)[]);
  checkChoice(where, "weights", options.weights, ["auto", "f32", "q8", "q4"], "auto");
  checkChoice(where, "embedding", options.embedding, ["auto", "q8", "q4"], "auto");
  checkChoice(where, "activations", options.activations, ["int8", "f32"], "int8");
  checkChoice(where, "kernels", options.kernels, ["auto", "strict", "reference"], "auto");
  checkWasm(where, options.wasm);
  checkCallback(where, "onProgress", options.onProgress);
  checkSignal(where, options.signal);
}

async function open(source: unknown): Promise<Source> {
  if (isSource(source)) return checkedSource(source);
  if (typeof source !== "string" || source === "") {
    throw new OptionError({
      what: "loadPhi: the checkpoint",
      got: source,
      expected: "the path of a folder, or a Source",
    });
  }
  const { source: folder, file } = await openPath(source);
  if (file === undefined) return folder;
  throw new SourceError({
    what: "loadPhi takes the folder of a checkpoint, not one of its files",
    file: source,
    expected: "a folder with config.json and *.safetensors",
  });
}

/** The folder's tokenizer, if it has one: ids go in and out of a model without. */
async function tokenizerOf(folder: Source): Promise<Tokenizer | undefined> {
  const names = await folder.list();
  const there = names.includes("tokenizer.json") || names.includes("tokenizer.json.gz");
  return there ? loadTokenizer(folder) : undefined;
}
