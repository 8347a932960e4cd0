import { OptionError } from "../errors.ts";
import { checkNumber } from "../options.ts";

/**
 * How the next token is chosen. The steps run in the order of this list, which is that of Hugging Face transformers (logit bias = its
 * sequence bias, repetition penalty, then temperature, top-k, top-p, min-p); the two penalties it lacks stand where vLLM has them.
 * Not llama.cpp's order, whose temperature comes last.
 */
export interface SamplingOptions {
  /** Added to the logits of these token ids; -Infinity bans a token. Default: none. */
  logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number>;
  /** Logits of tokens that the prompt or the answer has are divided by this if positive, multiplied if negative. Default 1 (off). */
  repetitionPenalty?: number;
  /** Subtracted from a token's logit for each time that the answer has it. Default 0. */
  frequencyPenalty?: number;
  /** Subtracted from the logits of tokens that the answer has. Default 0. */
  presencePenalty?: number;
  /** Logits are divided by it; 0 (default) takes the greatest logit, the lowest id among equals, and ignores the filters below. */
  temperature?: number;
  /** Only the k greatest logits, and those that equal the k-th. Default 0 (off). */
  topK?: number;
  /** Only the most likely tokens whose probabilities reach p together, at least one. Default 1 (off). */
  topP?: number;
  /** Only tokens at least p times as likely as the likeliest. Default 0 (off). */
  minP?: number;
  /** Where the random numbers begin, an integer from 0 to 2^53 - 1. Default: a fresh one, which the result tells. */
  seed?: number;
}

export const SAMPLING_OPTIONS = [
  "logitBias",
  "repetitionPenalty",
  "frequencyPenalty",
  "presencePenalty",
  "temperature",
  "topK",
  "topP",
  "minP",
  "seed",
] as const satisfies readonly (keyof SamplingOptions)[];

/** {@link SamplingOptions} with every value checked and every default in its place. */
export interface Sampling {
  logitBias: readonly (readonly [id: number, bias: number])[];
  repetitionPenalty: number;
  frequencyPenalty: number;
  presencePenalty: number;
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  seed: number | undefined;
}

/** @throws OptionError naming the option and its range */
export function checkSampling(where: string, options: SamplingOptions, V: number): Sampling {
  const number = (name: keyof SamplingOptions, min: number, max: number, fallback: number, integer = false): number =>
    checkNumber(where, name, options[name], { min, max, integer }, fallback);
  return {
    logitBias: checkBias(where, options.logitBias, V),
    repetitionPenalty: number("repetitionPenalty", 0.01, 100, 1),
    frequencyPenalty: number("frequencyPenalty", -100, 100, 0),
    presencePenalty: number("presencePenalty", -100, 100, 0),
    temperature: number("temperature", 0, 1000, 0),
    topK: number("topK", 0, Number.MAX_SAFE_INTEGER, 0, true),
    topP: number("topP", 0, 1, 1),
    minP: number("minP", 0, 1, 0),
    seed: options.seed === undefined ? undefined : number("seed", 0, Number.MAX_SAFE_INTEGER, 0, true),
  };
}

function checkBias(where: string, given: SamplingOptions["logitBias"], V: number): [number, number][] {
  if (given === undefined) return [];
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new OptionError({
      what: `${where}: option "logitBias"`,
      got: given,
      expected: "{ [token id]: number } or a Map",
    });
  }
  const pairs: [unknown, unknown][] = given instanceof Map ? [...given] : Object.entries(given);
  return pairs.map(([key, bias]) => {
    const id = typeof key === "string" && key.trim() !== "" ? Number(key) : key;
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= V) {
      throw new OptionError({
        what: `${where}: token id in "logitBias"`,
        got: key,
        expected: `an integer from 0 to ${V - 1}`,
      });
    }
    if (typeof bias !== "number" || Number.isNaN(bias) || bias === Infinity) {
      throw new OptionError({
        what: `${where}: "logitBias" of token ${id}`,
        got: bias,
        expected: "a finite number or -Infinity",
      });
    }
    return [id, bias];
  });
}
