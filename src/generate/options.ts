import { OptionError } from "../errors.ts";
import type { AdapterMix } from "../model/adapters.ts";
import { checkCallback, checkChoice, checkNumber, checkOptions } from "../options.ts";
import { type AdapterOption, type Adapters, mixOf } from "./adapters.ts";
import type { RopeChoice } from "./engine.ts";
import type { Progress, Reprefill } from "./row.ts";
import { checkSampling, SAMPLING_OPTIONS, type Sampling, type SamplingOptions } from "./sampling-options.ts";

/** Options of {@link Phi.generate}: how tokens are chosen, and where the answer ends. */
export interface GenerateOptions extends SamplingOptions, AdapterOption {
  /** The most tokens to generate. Default: to the end of the context. 0 only prefills the prompt. */
  maxTokens?: number;
  /** Strings that end the answer; they are not part of its text. */
  stop?: string | readonly string[];
  /** Token ids that end the answer, beside the model's own. */
  stopIds?: readonly number[];
  /** Go on after the model's own stop tokens. Default false. */
  ignoreEos?: boolean;
  /** What happens when the context is full before `maxTokens`: a ContextError (default), or an end with finishReason "length". */
  onContextFull?: "error" | "stop";
  /** Checked at every token and every chunk of the prompt; the call rejects with its reason. */
  signal?: AbortSignal;
  /** Called after each chunk of the prompt with how many of its tokens are done, and how many of them came from the cache. */
  onPrefill?: (progress: Progress) => void;
  /** Called when the answer has crossed LongRoPE's switch and was computed again; the result has all such events as `reprefills`. */
  onReprefill?: (event: Reprefill) => void;
  /** Recognize control tokens ("<|end|>") in the given text. Default false: text is only ever text. */
  parseSpecialTokens?: boolean;
  /** As for a sequence; see {@link SequenceOptions}. */
  rope?: RopeChoice;
}

const GENERATE_OPTIONS = [
  ...SAMPLING_OPTIONS,
  "maxTokens",
  "stop",
  "stopIds",
  "ignoreEos",
  "onContextFull",
  "signal",
  "onPrefill",
  "onReprefill",
  "parseSpecialTokens",
  "rope",
  "adapter",
] as const satisfies readonly (keyof GenerateOptions)[];

/** {@link GenerateOptions}, checked. */
export interface Checked {
  sampling: Sampling;
  /** Undefined: to the end of the context. */
  maxTokens: number | undefined;
  stop: readonly string[];
  stopIds: readonly number[];
  ignoreEos: boolean;
  onContextFull: "error" | "stop";
  signal: AbortSignal | undefined;
  onPrefill: ((progress: Progress) => void) | undefined;
  onReprefill: ((event: Reprefill) => void) | undefined;
  parseSpecialTokens: boolean;
  rope: RopeChoice;
  adapters: AdapterMix;
}

/**
 * @param where "generate" or "chat"
 * @param more options that the call has besides
 * @param adapters of the model
 * @throws OptionError for the first option that is unknown or has a bad value
 */
export function checkGenerate(
  where: string,
  options: GenerateOptions,
  V: number,
  hasLongRope: boolean,
  more: readonly string[] = [],
  adapters?: Adapters,
): Checked {
  checkOptions(where, options, [...GENERATE_OPTIONS, ...more]);
  checkSignal(where, options.signal);
  checkCallback(where, "onPrefill", options.onPrefill);
  checkCallback(where, "onReprefill", options.onReprefill);
  const max = { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true };
  return {
    sampling: checkSampling(where, options, V),
    maxTokens: options.maxTokens === undefined ? undefined : checkNumber(where, "maxTokens", options.maxTokens, max, 0),
    stop: checkStops(where, options.stop),
    stopIds: checkStopIds(where, options.stopIds, V),
    ignoreEos: checkFlag(where, "ignoreEos", options.ignoreEos),
    onContextFull: checkChoice(where, "onContextFull", options.onContextFull, ["error", "stop"], "error"),
    signal: options.signal,
    onPrefill: options.onPrefill,
    onReprefill: options.onReprefill,
    parseSpecialTokens: checkFlag(where, "parseSpecialTokens", options.parseSpecialTokens),
    rope: checkRope(where, options.rope, hasLongRope),
    adapters: mixOf(where, adapters, options.adapter),
  };
}

/** @throws OptionError for a value that is no boolean */
export function checkFlag(where: string, name: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw new OptionError({ what: `${where}: option "${name}"`, got: value, expected: "true or false" });
}

/** @throws OptionError for "long" where the model has no long factors */
export function checkRope(where: string, value: unknown, hasLongRope: boolean): RopeChoice {
  const rope = checkChoice(where, "rope", value, ["auto", "long"], "auto");
  if (rope === "long" && !hasLongRope) {
    throw new OptionError({
      what: `${where}: option "rope"`,
      got: rope,
      expected: '"auto", since this model has no LongRoPE',
    });
  }
  return rope;
}

/** @throws OptionError for what is no AbortSignal */
export function checkSignal(where: string, signal: unknown): void {
  if (signal === undefined) return;
  const members = ["aborted", "throwIfAborted", "addEventListener"];
  if (typeof signal === "object" && signal !== null && members.every((name) => name in signal)) return;
  throw new OptionError({ what: `${where}: option "signal"`, got: signal, expected: "an AbortSignal" });
}

function checkStops(where: string, stop: unknown): string[] {
  const list: unknown[] = stop === undefined ? [] : Array.isArray(stop) ? stop : [stop];
  return list.map((text) => {
    if (typeof text === "string" && text !== "") return text;
    throw new OptionError({ what: `${where}: option "stop"`, got: text, expected: "strings that are not empty" });
  });
}

function checkStopIds(where: string, ids: unknown, V: number): number[] {
  if (ids === undefined) return [];
  if (!Array.isArray(ids)) {
    throw new OptionError({ what: `${where}: option "stopIds"`, got: ids, expected: "an array of token ids" });
  }
  return ids.map((id: unknown) => {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < V) return id;
    throw new OptionError({ what: `${where}: option "stopIds"`, got: id, expected: `integers from 0 to ${V - 1}` });
  });
}
