import { OptionError } from "../errors.ts";
import { checkFlag, checkSignal } from "../generate/options.ts";
import { checkThreads } from "../load/plan-model.ts";
import { URL_OPTIONS, type UrlOptions } from "../open.ts";
import { checkCallback, checkChoice, checkNumber, checkOptions } from "../options.ts";
import { checkName } from "../source/range.ts";
import type { WorkFolder } from "./kept.ts";

/** Options of {@link quantizeCheckpoint}. */
export interface QuantizeOptions extends UrlOptions {
  /** Format of the layers' matrices. q8 is searched for its scales only; it has nothing to gain from calibration. Default "q4". */
  weights?: "q4" | "q8";
  /** Format of embedding and output layer. Default "auto": as the weights. */
  embedding?: "auto" | "q4" | "q8";
  /** Only the search that loading does, without calibration: seconds instead of hours, and nothing is run. Default false. */
  fast?: boolean;
  /** Text to calibrate on; it should be of the kind that the model will see. Default: what the model itself writes. */
  text?: string;
  /** Tokens of calibration, at most. Default 16384. */
  tokens?: number;
  /** Of the model's own texts. Default 0. */
  seed?: number;
  /** Threads that compute; "auto" as for `loadPhi`. Their number changes no byte. Default "auto". */
  threads?: "auto" | number;
  /** Name of the file in the sink. Default "model.safetensors". */
  file?: string;
  /** Where finished layers are kept, so that an interrupted job goes on and ends with the same bytes. Default: in memory. */
  work?: WorkFolder;
  onProgress?: (progress: QuantizeProgress) => void;
  /** The job rejects with its reason; what is finished stays in `work`. */
  signal?: AbortSignal;
}

/** How far the whole job is. */
export interface QuantizeProgress {
  phase: "calibration" | "layers" | "head" | "writing";
  /** What it is at, in words. */
  detail: string;
  /** Of the whole job, 0 to 1. */
  fraction: number;
  /** An estimate, once there is something to go by. */
  remainingMs?: number;
}

export type Checked = Required<Pick<QuantizeOptions, "weights" | "fast" | "tokens" | "seed" | "threads" | "file">> &
  Pick<QuantizeOptions, "text" | "work" | "onProgress" | "signal"> & { embedding: "q4" | "q8" };

/** @throws OptionError */
export function checkQuantize(options: QuantizeOptions): Checked {
  const where = "quantizeCheckpoint";
  checkOptions(where, options, [
    ...([
      "weights",
      "embedding",
      "fast",
      "text",
      "tokens",
      "seed",
      "threads",
      "file",
      "work",
      "onProgress",
      "signal",
      ...URL_OPTIONS,
    ] as const),
  ] satisfies (keyof QuantizeOptions)[]);
  const weights = checkChoice(where, "weights", options.weights, ["q4", "q8"], "q4");
  const embedding = checkChoice(where, "embedding", options.embedding, ["auto", "q4", "q8"], "auto");
  const { text, file = "model.safetensors", work, onProgress, signal } = options;
  const wrong = (name: string, got: unknown, expected: string) =>
    new OptionError({ what: `${where}: option "${name}"`, got, expected });
  if (text !== undefined && typeof text !== "string") throw wrong("text", text, "a text");
  checkName(file, where);
  if (!file.endsWith(".safetensors")) throw wrong("file", file, "a name that ends in .safetensors");
  if (work !== undefined && !(work?.source && work.sink)) throw wrong("work", work, "{ source, sink }");
  checkSignal(where, signal);
  checkCallback(where, "onProgress", onProgress);
  return {
    weights,
    embedding: embedding === "auto" ? weights : embedding,
    fast: checkFlag(where, "fast", options.fast),
    tokens: checkNumber(where, "tokens", options.tokens, { min: 64, max: 2 ** 20, integer: true }, 16384),
    seed: checkNumber(where, "seed", options.seed, { min: 0, max: 2 ** 32 - 1, integer: true }, 0),
    threads: checkThreads(where, options.threads),
    ...{ text, file, work, onProgress, signal },
  };
}
