import { ConfigError } from "../errors.ts";
import { attempt, type Tell, throwIt } from "../faults.ts";
import type { PhiConfig } from "./config.ts";
import { parseRope, type RopeKeys } from "./parse-rope.ts";

/** A config.json, or an object in it. */
export type Json = Record<string, unknown>;

/** Keys with the values at which they change nothing. Absent keys are fine. */
export type Neutral = Readonly<Record<string, readonly unknown[]>>;

/** Keys that would change the mathematics of any architecture. */
const NEUTRAL: Neutral = {
  full_attn_mod: [1, null],
  interpolate_factor: [1, null],
  attn_logit_softcapping: [null],
  final_logit_softcapping: [null],
  is_encoder_decoder: [false, null],
};

/** Keys in which architectures differ: what a config that leaves them out means, and where the epsilon of its norms stands. */
export interface Keys {
  /** Keys that would change the mathematics of this one. */
  neutral: Neutral;
  normEps: string;
  contextLength: number;
  rope: RopeKeys;
}

/**
 * What all architectures read alike: sizes, heads, rotary embedding, window, vocabulary.
 * @param tell of a known key that asks for mathematics that is not built, and of sizes that do not fit (ConfigError); the config is none then
 */
export function sharedKeys(raw: Json, file: string, modelType: string, keys: Keys, tell: Tell = throwIt): PhiConfig {
  refuseOthers(raw, { ...NEUTRAL, ...keys.neutral }, file, tell);
  attempt(tell, () => checkUniformLayers(raw, file));
  const size = (key: string, fallback?: number, most?: number): number =>
    attempt(tell, () => integer(raw, key, file, fallback, 1, most)) ?? 1;
  const heads = size("num_attention_heads");
  const kvHeads = raw.num_key_value_heads == null ? heads : size("num_key_value_heads");
  const hiddenSize = size("hidden_size");
  const headDim = raw.head_dim == null ? hiddenSize / heads : size("head_dim");
  if (!Number.isInteger(headDim)) {
    const facts = { file, got: hiddenSize, expected: `a multiple of ${heads}` };
    tell(new ConfigError({ what: "hidden_size is no multiple of num_attention_heads", ...facts }));
  }
  if (heads % kvHeads !== 0) {
    const facts = { file, got: heads, expected: `a multiple of ${kvHeads}` };
    tell(new ConfigError({ what: "num_attention_heads is no multiple of num_key_value_heads", ...facts }));
  }
  const contextLength = size("max_position_embeddings", keys.contextLength);
  const bos = raw.bos_token_id;
  return {
    modelType,
    vocabSize: size("vocab_size"),
    hiddenSize,
    intermediateSize: size("intermediate_size"),
    layers: size("num_hidden_layers", undefined, MAX_LAYERS),
    heads,
    kvHeads,
    headDim,
    ...(attempt(tell, (tell) => parseRope(raw, { headDim, contextLength, ...keys.rope }, file, tell)) ?? {
      rotaryDim: headDim,
      ropeTheta: 1,
    }),
    slidingWindow: raw.sliding_window == null ? 0 : size("sliding_window"),
    normEps: attempt(tell, () => fraction(raw, keys.normEps, file, 1e-5)) ?? 0,
    contextLength,
    tiedEmbeddings: raw.tie_word_embeddings === true,
    eosTokenIds: tokenIds(raw.eos_token_id),
    ...(Number.isSafeInteger(bos) ? { bosTokenId: bos as number } : {}),
  };
}

function refuseOthers(raw: Json, neutral: Neutral, file: string, tell: Tell): void {
  for (const [key, values] of Object.entries(neutral)) {
    if (!(key in raw) || values.includes(raw[key])) continue;
    const what = `"${key}" asks for something that is not built`;
    tell(new ConfigError({ what, file, got: raw[key], expected: values[0] }));
  }
}

/** Newer configs may give each layer a kind of attention of its own; the Phi models have one kind for all. */
function checkUniformLayers(raw: Json, file: string): void {
  const types = raw.layer_types;
  if (types == null) return;
  const expected = raw.sliding_window == null ? "full_attention" : "sliding_attention";
  if (Array.isArray(types) && types.every((t) => t === expected)) return;
  throw new ConfigError({
    what: '"layer_types" asks for layers that are not built',
    file,
    got: types,
    expected: `${expected} in all`,
  });
}

/** eos_token_id of a config.json or generation_config.json as a list: it may be absent, one id or several. */
function tokenIds(value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => Number.isSafeInteger(id) && id >= 0);
}

/** No size is near it; that the weights have the sizes is checked against their file. */
const MAX_SIZE = 2 ** 31 - 1;

/** Every layer has tensors and a cache to plan for; the deepest Phi has 40. */
const MAX_LAYERS = 1024;

/** An integer, from 1 on unless another range is given. @throws ConfigError */
export function integer(raw: Json, key: string, file: string, fallback?: number, from = 1, to = MAX_SIZE): number {
  const value = raw[key] ?? fallback;
  if (Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to) return value as number;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: `an integer from ${from} to ${to}` });
}

/** A number from 0 to below 1. @throws ConfigError */
export function fraction(raw: Json, key: string, file: string, fallback: number): number {
  const value = raw[key] ?? fallback;
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: "a number from 0 to 1" });
}

/** true, or false where it is absent or null. @throws ConfigError */
export function flag(raw: Json, key: string, file: string): boolean {
  const value = raw[key] ?? false;
  if (typeof value === "boolean") return value;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: "true or false" });
}
