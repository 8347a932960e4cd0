/**
 * `phi-ts/core`: the same models in programs that must be small. {@link loadPhi} reads safetensors of numbers and packed files, and takes ids for
 * ids; what else a program needs it gives: `text` of `phi-ts/core/text`, `gguf` and `int4` (GPTQ, AWQ, compressed-tensors) of `phi-ts/core/gguf`
 * and `/int4`, threads, `helpers`, of `/helpers`, a worker, `offThread`, of `/off-thread` (and `/worker` for its file), `reference` of `/reference`, `lora` of `/lora`;
 * `phi`, `phi3small` and `phimoe` of `/architectures`: Phi-1 to Phi-2, Phi-3-small, and the mixtures of experts.
 * @module
 */
import { OptionError } from "../errors.ts";
import type { Architecture } from "../model/architecture.ts";
import { type Input, openInput, URL_OPTIONS, type UrlOptions } from "../open.ts";
import { checkOptions } from "../options.ts";
import type { Phi } from "../phi.ts";
import { type Bytes, callersSource, isSource, type Opened, type Source } from "../source/index.ts";
import { checkpointIn, isBytes, openBytes } from "./checkpoint.ts";
import { loadWith, type ModelOptions } from "./load.ts";
import type { Elsewhere, Parts, TextPart } from "./parts.ts";

export * from "../errors.ts";
export type { EngineParts } from "../load/engine-parts.ts";
export type { FileFormat } from "../load/file-format.ts";
export type { LoadOptions } from "../load/options.ts";
export type { LoadProgress } from "../load/progress.ts";
export { type Input, type UrlOptions, urlSource } from "../open.ts";
export type { Phi } from "../phi.ts";
export { blobSource, bytesSource, droppedFiles, type Opened, type Source, type SourceFile } from "../source/index.ts";
export type { LoraPart, TextPart } from "./parts.ts";

/** Options of {@link loadPhi}: those of `phi-ts`, but for `worker`, and what the program has beside the core. */
export interface CoreOptions
  extends Omit<ModelOptions, "worker">,
    Pick<Parts, "architectures" | "formats" | "helpers" | "lora" | "reference" | "text"> {
  /** Where the model runs: `offThread(() => new Worker(…))` of `phi-ts/core/off-thread`, with a file that calls `serve` of `phi-ts/core/worker`. Default: in this thread. */
  worker?: Elsewhere;
}

/**
 * `loadPhi` of `phi-ts`, with no more in it than the program gives.
 * @param input a {@link Source}, what {@link openModel} has opened, or the bytes of a file
 * @throws as `loadPhi` of `phi-ts`; FormatError or ConfigError (code "no_part") for a format or an architecture that was not given, naming the import that gives it
 * @example
 * import { loadPhi, urlSource } from "phi-ts/core";
 * import { text } from "phi-ts/core/text";
 * const phi = await loadPhi(urlSource("https://example.org/phi-4-mini/"), { text });
 */
export async function loadPhi(input: Source | Opened | Bytes, options: CoreOptions = {}): Promise<Phi> {
  const { formats = [], architectures = [], helpers, reference, text, lora, ...others } = options;
  const { worker: elsewhere } = others;
  checkParts(formats, text);
  checkArchitectures(architectures);
  checkPart("helpers", helpers, helpers);
  checkPart("lora", lora, lora?.sources);
  checkPart("worker", elsewhere, elsewhere?.load, 'offThread(() => new Worker(…)) of "phi-ts/core/off-thread"');
  return loadWith({ formats, architectures, helpers, reference, text, lora, elsewhere }, others, (signal) =>
    checkpointIn("loadPhi", opened(input), formats, signal),
  );
}

/**
 * What a path, a URL, a name on the hub, Blobs or Files lead to, for {@link loadPhi}.
 * @throws OptionError if it is none of these, for an unknown option or a bad value; SourceError if nothing is there
 */
export async function openModel(input: Input, options: UrlOptions = {}): Promise<Opened> {
  checkOptions("openModel", options, URL_OPTIONS);
  return openInput("openModel", input, options);
}

function opened(input: unknown): Opened {
  if (isBytes(input)) return openBytes(input);
  if (isSource(input)) return { source: callersSource(input) };
  const { source, file } = (input ?? {}) as Partial<Opened>;
  if (isSource(source)) return { source, file };
  const expected = "a Source, bytes, or what openModel(…) gives for paths, URLs, Blobs and Files";
  throw new OptionError({ what: "loadPhi: cannot read from this", got: input, expected });
}

function checkParts(formats: unknown, text: unknown): void {
  const named = (format: unknown) => typeof (format as { name?: unknown } | null)?.name === "string";
  if (!Array.isArray(formats) || !formats.every(named)) {
    const expected = 'a list of gguf of "phi-ts/core/gguf" and int4 of "phi-ts/core/int4"';
    throw new OptionError({ what: 'loadPhi: option "formats"', got: formats, expected });
  }
  checkPart("text", text, (text as Partial<TextPart> | undefined)?.tokenizerIn);
}

function checkArchitectures(given: unknown): void {
  if (Array.isArray(given) && given.every((a) => typeof (a as Partial<Architecture> | null)?.layer === "function"))
    return;
  const expected = 'a list of phi, phi3small and phimoe of "phi-ts/core/architectures"';
  throw new OptionError({ what: 'loadPhi: option "architectures"', got: given, expected });
}

/** A part is known by a function of it, or is one. */
function checkPart(name: string, got: unknown, known: unknown, expected = `${name} of "phi-ts/core/${name}"`): void {
  if (got === undefined || typeof known === "function") return;
  throw new OptionError({ what: `loadPhi: option "${name}"`, got, expected });
}
