/**
 * adapter_config.json of HF PEFT (LoraConfig, PEFT up to 0.21): what decides how strong an adapter is. Everything that would change the
 * mathematics and is not built is refused by name.
 */
import { ConfigError } from "../../errors.ts";
import { type Pattern, patternsOf } from "./patterns.ts";

/** What is read of it. */
export interface LoraConfig {
  /** The file, for messages. */
  readonly file: string;
  /** r, and those of single modules (rank_pattern). */
  readonly rank: number;
  readonly ranks: readonly Pattern[];
  /** lora_alpha, and those of single modules (alpha_pattern). */
  readonly alpha: number;
  readonly alphas: readonly Pattern[];
  /** use_rslora: alpha / √r ("A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv 2312.03732) in place of alpha / r. */
  readonly rslora: boolean;
}

type Json = Record<string, unknown>;

/** Keys with the values at which they change nothing, and what others would ask for. Absent keys are fine; lists and objects may be empty. */
const NEUTRAL: Readonly<Record<string, readonly [what: string, ...values: unknown[]]>> = {
  use_dora: ["DoRA", false, null],
  bias: ["biases of its own", "none", null],
  lora_bias: ["biases of its own", false, null],
  modules_to_save: ["whole modules beside LoRA", null],
  fan_in_fan_out: ["transposed weights", false, null],
  layer_replication: ["layers used twice", null],
  target_parameters: ["LoRA of parameters that are no linear layers (the experts of transformers 5)", null],
  trainable_token_indices: ["trained rows of the embedding table", null],
  alora_invocation_tokens: ["activated LoRA", null],
  use_qalora: ["QALoRA", false, null],
  use_bdlora: ["block-diagonal LoRA", false, null],
  arrow_config: ["Arrow's routing", null],
  lora_ga_config: ["an initialization that changes the base model", null],
  corda_config: ["an initialization that changes the base model", null],
  kasa_config: ["KaSA, which changes the base model", null],
  monteclora_config: ["MonteCLoRA", null],
};

/** Initializations after which the base model's weights are what they were. */
const INITIALIZATIONS = [true, false, null, "gaussian", "eva", "orthogonal"];

/** @throws ConfigError (code "adapter") that names the key */
export function parseLoraConfig(json: unknown, file: string): LoraConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw bad("the configuration of an adapter", file, json, "a JSON object");
  const raw = json as Json;
  if (raw.peft_type !== "LORA")
    throw bad("adapters of this type are not built (peft_type)", file, raw.peft_type, "LORA");
  for (const [key, [what, ...values]] of Object.entries(NEUTRAL)) {
    if (!(key in raw) || values.includes(raw[key]) || isEmpty(raw[key])) continue;
    throw bad(`"${key}" asks for ${what}, which is not built`, file, raw[key], values[0]);
  }
  const init = raw.init_lora_weights;
  if (init !== undefined && !INITIALIZATIONS.includes(init as string)) {
    const what = `"init_lora_weights": ${init} has changed the weights of the base model, which this adapter belongs to`;
    throw bad(what, file, init, "an adapter that PEFT has converted (path_initial_model_for_weight_conversion)");
  }
  const rslora = raw.use_rslora ?? false;
  if (typeof rslora !== "boolean") throw bad('"use_rslora"', file, rslora, "true or false");
  return {
    file,
    rank: rankIn(raw.r, '"r"', file),
    alpha: alphaIn(raw.lora_alpha, '"lora_alpha"', file),
    rslora,
    ranks: patternsOf(raw.rank_pattern, "rank_pattern", file, rankIn),
    alphas: patternsOf(raw.alpha_pattern, "alpha_pattern", file, alphaIn),
  };
}

/** The configuration of an adapter in a checkpoint itself: `vision_lora` of phi4mm's config.json (Microsoft's Phi4MMConfig). */
export function includedConfig(json: unknown, name: string): LoraConfig {
  const raw = (json as Json)[`${name}_lora`] as Json | undefined;
  const [file, expected] = ["config.json", `"${name}_lora": { "r": …, "lora_alpha": … }`];
  if (typeof raw !== "object" || raw === null) throw bad(`nothing about an adapter "${name}"`, file, raw, expected);
  const [rank, alpha] = [rankIn(raw.r, `"r" of "${name}_lora"`, file), alphaIn(raw.lora_alpha, '"lora_alpha"', file)];
  return { file, rank, alpha, rslora: false, ranks: [], alphas: [] };
}

/** r of a module. */
export const rankOf = ({ rank, ranks }: LoraConfig, module: string): number => ofPattern(ranks, module) ?? rank;

/** What B A is multiplied by in a module: alpha / r, or alpha / √r. */
export function scaleOf(config: LoraConfig, module: string): number {
  const rank = rankOf(config, module);
  return (ofPattern(config.alphas, module) ?? config.alpha) / (config.rslora ? Math.sqrt(rank) : rank);
}

/** Of the first pattern that a module's name fits. */
const ofPattern = (patterns: readonly Pattern[], module: string): number | undefined =>
  patterns.find(({ fits }) => fits.test(module))?.value;

/** No adapter's rank comes near it. */
const MAX_RANK = 2 ** 16;

function rankIn(value: unknown, what: string, file: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_RANK) return value as number;
  throw bad(what, file, value, `an integer from 1 to ${MAX_RANK}`);
}

function alphaIn(value: unknown, what: string, file: string): number {
  if (typeof value === "number" && Number.isFinite(value) && Math.abs(value) < 2 ** 64) return value;
  throw bad(what, file, value, "a number");
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const bad = (what: string, file: string, got: unknown, expected: unknown): ConfigError =>
  new ConfigError({ what, file, got, expected }, "adapter");
