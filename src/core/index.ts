/**
 * `phi-ts/core`: the same models in programs that must be small. {@link loadPhi} reads safetensors of numbers and packed files, and takes ids for
 * ids; what else a program needs it gives: `text` of `phi-ts/core/text`, `gguf` and `int4` (GPTQ, AWQ, compressed-tensors) of `phi-ts/core/gguf`
 * and `/int4`, `reference` of `/reference`, `lora` of `/lora`. Workers are of files of one's own, which import `phi-ts/core/worker`.
 * @module
 */
import { OptionError } from "../errors.ts";
import type { Phi } from "../phi.ts";
import { type Bytes, checkedSource, isSource, type Opened, type Source } from "../source/index.ts";
import type { WorkerLike } from "../worker/index.ts";
import { checkpointIn, openBytes } from "./checkpoint.ts";
import { loadWith, type PhiOptions } from "./load.ts";
import type { Parts, TextPart } from "./parts.ts";

export {
  ChatError,
  ConfigError,
  ContextError,
  DisposedError,
  FormatError,
  IterationError,
  LogitsError,
  MemoryError,
  type Notice,
  OptionError,
  PhiError,
  ShapeError,
  SourceError,
  TokenizerError,
  WorkerError,
} from "../errors.ts";
export type { EngineParts } from "../load/engine-parts.ts";
export type { FileFormat } from "../load/file-format.ts";
export type { LoadOptions } from "../load/options.ts";
export type { LoadProgress } from "../load/progress.ts";
export { openInput as open, urlSource } from "../open.ts";
export type { Phi } from "../phi.ts";
export { blobSource, bytesSource, droppedFiles, type Opened, type Source, type SourceFile } from "../source/index.ts";
export type { LoraPart, TextPart } from "./parts.ts";

/** Options of {@link loadPhi}: those of `phi-ts`, but for `worker`, and what the program has beside the core. */
export interface CoreOptions
  extends Omit<PhiOptions, "worker">,
    Pick<Parts, "formats" | "reference" | "text" | "lora"> {
  /** Makes the worker in which the model runs, whose file calls `serve` of `phi-ts/core/worker`; it is called once more for each helper thread. */
  worker?: false | (() => WorkerLike);
}

/**
 * `loadPhi` of `phi-ts`, with no more in it than the program gives.
 * @param input a {@link Source}, what {@link open} has opened, or the bytes of a file
 * @throws as `loadPhi` of `phi-ts`; FormatError (code "no_part") for a file of a format that was not given, naming the import that gives it
 * @example
 * import { loadPhi, urlSource } from "phi-ts/core";
 * import { text } from "phi-ts/core/text";
 * const phi = await loadPhi(urlSource("https://example.org/phi-4-mini/"), { text });
 */
export async function loadPhi(input: Source | Opened | Bytes, options: CoreOptions = {}): Promise<Phi> {
  const { formats = [], reference, text, lora, ...others } = options;
  checkParts(formats, text);
  if (lora !== undefined && typeof lora?.sources !== "function")
    throw new OptionError({ what: 'loadPhi: option "lora"', got: lora, expected: 'lora of "phi-ts/core/lora"' });
  return loadWith({ formats, reference, text, lora }, others, (signal) =>
    checkpointIn("loadPhi", opened(input), formats, signal),
  );
}

function opened(input: unknown): Opened {
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return openBytes(input);
  if (isSource(input)) return { source: checkedSource(input) };
  const { source, file } = (input ?? {}) as Partial<Opened>;
  if (isSource(source)) return { source, file };
  const expected = "a Source, bytes, or what open(…) gives for paths, URLs, Blobs and Files";
  throw new OptionError({ what: "loadPhi: cannot read from this", got: input, expected });
}

function checkParts(formats: unknown, text: unknown): void {
  const named = (format: unknown) => typeof (format as { name?: unknown } | null)?.name === "string";
  if (!Array.isArray(formats) || !formats.every(named)) {
    const expected = 'a list of gguf of "phi-ts/core/gguf" and int4 of "phi-ts/core/int4"';
    throw new OptionError({ what: 'loadPhi: option "formats"', got: formats, expected });
  }
  if (text === undefined || typeof (text as Partial<TextPart>)?.tokenizerIn === "function") return;
  throw new OptionError({ what: 'loadPhi: option "text"', got: text, expected: 'text of "phi-ts/core/text"' });
}
