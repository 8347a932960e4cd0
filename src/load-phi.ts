import { cpuTimeMs } from "#platform";
import { SourceError } from "./errors.ts";
import { Engine } from "./generate/engine.ts";
import { localBackend } from "./generate/local.ts";
import { checkSignal } from "./generate/options.ts";
import { checkWasm } from "./kernels/wasm-module.ts";
import { fillModel, inspectModel, kernelsOf, type LoadOptions } from "./load/load.ts";
import { LoadMeter } from "./load/progress.ts";
import { type Input, openInput } from "./open.ts";
import { checkCallback, checkChoice, checkOptions } from "./options.ts";
import { Phi } from "./phi.ts";
import { abortableSource, type Source } from "./source/index.ts";
import { stopTokensOf } from "./tokenizer/index.ts";
import { tokenizerIn } from "./tokenizer/load.ts";

/**
 * Loads a Phi checkpoint: a folder with config.json, safetensors and, for text, the tokenizer's files.
 * @param source the path of the folder (Node, Bun, Deno), its http(s): URL, its Files or Blobs, or a {@link Source} ({@link urlSource} takes
 * headers, {@link droppedFiles} a drop)
 * @throws OptionError for an unknown option or a bad value
 * @throws SourceError, FormatError, ConfigError, TokenizerError naming file and cause, before large memory is taken
 * @throws MemoryError with the largest contextSize that fits; or the signal's reason
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 * @example
 * const phi = await loadPhi("models/phi-tiny");
 * for await (const { text } of phi.chat("What is 12 + 30?")) console.log(text);
 * await phi.dispose();
 */
export async function loadPhi(source: Input, options: LoadOptions = {}): Promise<Phi> {
  const start = performance.now();
  checkLoad(options);
  options.signal?.throwIfAborted();
  const chosen = kernelsOf(options);
  const meter = new LoadMeter(options.onProgress);
  const folder = meter.watch(abortableSource(await openFolder(source), options.signal));
  const inspected = await inspectModel(folder, options);
  try {
    const { config, generationConfig, sourceBytes } = inspected;
    meter.announce(sourceBytes);
    const tokenizer = await tokenizerIn(folder, { generationConfig });
    const loaded = await fillModel(inspected, chosen, meter, options.signal);
    const stopTokens = stopTokensOf(tokenizer, generationConfig, { eos_token_id: config.eosTokenIds });
    const model = {
      backend: localBackend(new Engine(loaded.decoder, loaded.contextSize)),
      tokenizer,
      stopIds: stopTokens.map(({ id }) => id),
      loadMs: performance.now() - start,
      cpuMs: cpuTimeMs,
    };
    return new Phi({ model, loaded, stopTokens });
  } finally {
    await inspected.files.close();
  }
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

async function openFolder(input: unknown): Promise<Source> {
  const { source, file } = await openInput("loadPhi", input);
  if (file === undefined) return source;
  throw new SourceError({
    what: "loadPhi takes the folder of a checkpoint, not one of its files",
    file,
    expected: "a folder with config.json and *.safetensors",
  });
}
