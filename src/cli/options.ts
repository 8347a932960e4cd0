import type { PhiOptions } from "../index.ts";
import { ADAPTER_OPTION, adaptersOf } from "./adapters.ts";
import { type Given, HELP, type OptionSpec, UsageError, VERBOSE } from "./args.ts";

/** Options that commands share, and what they are in the API. */

export const MODEL: OptionSpec = {
  name: "model",
  short: "m",
  value: "DIR",
  help: "checkpoint folder, GGUF or packed file; the http(s): URL of one; or hf:owner/name[@revision][/FILE]",
};

/** What {@link MODEL} may be, for messages. */
export const CHECKPOINTS =
  "A folder with config.json, tokenizer.json and safetensors, a GGUF or packed file, a URL, or hf:owner/name";

const WEIGHTS = ["auto", "f32", "q8", "q4"] as const;
const EMBEDDING = ["auto", "q8", "q4"] as const;
const ACTIVATIONS = ["int8", "f32"] as const;
const KV = ["auto", "int8", "f32"] as const;
const ROPE = ["auto", "long"] as const;
const THREADS = "threads";
export const THREADS_OPTION: OptionSpec = {
  name: THREADS,
  value: "N",
  help: "threads that compute, or auto (default: auto, one for a small model)",
};
const KERNELS = ["auto", "relaxed", "strict", "reference"] as const;

/** How a model is held in memory. */
export const LAYOUT_OPTIONS: readonly OptionSpec[] = [
  { name: "weights", value: "FORMAT", help: `${WEIGHTS.join(", ")} (default: auto, q4 for float files)` },
  {
    name: "embedding",
    value: "FORMAT",
    help: `${EMBEDDING.join(", ")}: embedding table and output layer (default: auto, as the weights)`,
  },
  {
    name: "activations",
    value: "FORMAT",
    help: `${ACTIVATIONS.join(" or ")}: inputs of quantized weights (default: int8)`,
  },
  { name: "kv", value: "FORMAT", help: `${KV.join(", ")}: keys and values (default: auto, as the activations)` },
  { name: "context", value: "N", help: "longest sequence, in tokens (default: the model's, at most 4096)" },
];

export const LOAD_OPTIONS: readonly OptionSpec[] = [
  MODEL,
  ...LAYOUT_OPTIONS,
  {
    name: "rope",
    value: "SET",
    help: `${ROPE.join(" or ")}: LongRoPE's factors by length, or the long ones from the start (default: auto)`,
  },
  { name: "kernels", value: "KIND", help: `${KERNELS.join(", ")} (default: auto)` },
  THREADS_OPTION,
  ADAPTER_OPTION,
];

export const SAMPLING_OPTIONS: readonly OptionSpec[] = [
  { name: "max-tokens", short: "n", value: "N", help: "at most N new tokens (default: to the end of the context)" },
  {
    name: "temperature",
    short: "t",
    value: "X",
    help: "0 takes the likeliest token, 1 samples as the model says (default: 0)",
  },
  { name: "top-k", value: "N", help: "sample among the N likeliest" },
  { name: "top-p", value: "X", help: "sample among the likeliest that add up to X" },
  { name: "min-p", value: "X", help: "sample among those at least X times as likely as the first" },
  { name: "repetition-penalty", value: "X", help: "above 1: tokens that were there get less likely" },
  { name: "frequency-penalty", value: "X", help: "taken off a token's logit for each time it was generated" },
  { name: "presence-penalty", value: "X", help: "taken off a token's logit once if it was generated" },
  { name: "logit-bias", value: "ID=X", many: true, help: "added to the logit of token ID; may be repeated" },
  { name: "seed", value: "N", help: "the same seed gives the same text (default: random)" },
  { name: "stop", value: "TEXT", many: true, help: "end before TEXT; may be repeated" },
  { name: "stop-id", value: "ID", many: true, help: "end at token ID; may be repeated" },
];

export const COMMON_OPTIONS: readonly OptionSpec[] = [VERBOSE, HELP];

/** @throws UsageError if --model was not given */
export function modelOf(given: Given): string {
  const model = given.text("model");
  if (model === undefined) throw new UsageError(`--model DIR is needed. ${CHECKPOINTS}`);
  return model;
}

export interface Layout {
  weights?: (typeof WEIGHTS)[number];
  embedding?: (typeof EMBEDDING)[number];
  activations?: (typeof ACTIVATIONS)[number];
  kv?: (typeof KV)[number];
  contextSize?: number;
}

export function layoutOf(given: Given): Layout {
  return {
    weights: choiceOf(given, "weights", WEIGHTS),
    embedding: choiceOf(given, "embedding", EMBEDDING),
    activations: choiceOf(given, "activations", ACTIVATIONS),
    kv: choiceOf(given, "kv", KV),
    contextSize: wholeOf(given, "context"),
  };
}

/** What loadPhi takes, and the scales of adapters, which are set afterwards. */
export type LoadArguments = Layout &
  Pick<PhiOptions, "kernels" | "threads" | "rope" | "adapters"> & {
    scales?: Readonly<Record<string, number>>;
  };

export function loadOptionsOf(given: Given): LoadArguments {
  const [kernels, rope] = [choiceOf(given, "kernels", KERNELS), choiceOf(given, "rope", ROPE)];
  return { ...layoutOf(given), kernels, rope, threads: threadsOf(given), ...adaptersOf(given) };
}

export const threadsOf = (given: Given): "auto" | number | undefined =>
  given.text(THREADS) === "auto" ? "auto" : wholeOf(given, THREADS);

/** Only what was given: the library knows the defaults and the ranges. */
export function samplingOf(given: Given) {
  const bias = given.texts("logit-bias").map((text) => {
    const [, id, value] = /^(\d+)=(.+)$/.exec(text) ?? [];
    const bias = value === "-inf" ? -Infinity : Number(value);
    if (id === undefined || Number.isNaN(bias))
      throw new UsageError(`--logit-bias needs ID=NUMBER or ID=-inf, got ${JSON.stringify(text)}`);
    return [id, bias] as const;
  });
  return defined({
    maxTokens: wholeOf(given, "max-tokens"),
    temperature: given.number("temperature"),
    topK: wholeOf(given, "top-k"),
    topP: given.number("top-p"),
    minP: given.number("min-p"),
    repetitionPenalty: given.number("repetition-penalty"),
    frequencyPenalty: given.number("frequency-penalty"),
    presencePenalty: given.number("presence-penalty"),
    logitBias: bias.length > 0 ? Object.fromEntries(bias) : undefined,
    seed: wholeOf(given, "seed"),
    stop: given.texts("stop").length > 0 ? given.texts("stop") : undefined,
    stopIds: given.texts("stop-id").length > 0 ? given.texts("stop-id").map((id) => whole("stop-id", id)) : undefined,
  });
}

/** @throws UsageError unless the value is one of `choices` */
export function choiceOf<T extends string>(given: Given, name: string, choices: readonly T[]): T | undefined {
  const value = given.text(name);
  if (value === undefined || (choices as readonly string[]).includes(value)) return value as T | undefined;
  throw new UsageError(`--${name} is one of ${choices.join(", ")}, got ${JSON.stringify(value)}`);
}

/** @throws UsageError unless the value is a whole number from 0 */
export function wholeOf(given: Given, name: string): number | undefined {
  const text = given.text(name);
  return text === undefined ? undefined : whole(name, text);
}

export function whole(name: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new UsageError(`--${name} needs a whole number, got ${JSON.stringify(text)}`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/** A number of bytes: 4000000000, 4GB, 3.5 GiB. @throws UsageError for anything else */
export function bytesIn(given: Given, name: string): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*((?:[kmg]i?)?)b?$/i.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError(`--${name} needs bytes, such as 4000000000, 4GB or 3.5GiB, got ${JSON.stringify(text)}`);
  return Math.floor(Number(number) * UNITS[unit.toLowerCase()]);
}

function defined<T extends object>(all: T): Partial<T> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<T>;
}
