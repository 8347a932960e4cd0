import { ConfigError } from "../errors.ts";
import type { PhiConfig } from "./config.ts";
import { type Json, parseRope } from "./parse-rope.ts";

/** Architectures of the family that have no decoder here yet, with their HF model_type; named so that the refusal can be kind. */
const OTHER_PHI: Readonly<Record<string, string>> = {
  phi: "Phi-1, Phi-1.5 and Phi-2",
  phimoe: "Phi-3.5-MoE and its smaller kin",
  phi3small: "Phi-3-small",
  phi3_v: "Phi-3-vision",
  phi4mm: "Phi-4-multimodal",
  phi4_multimodal: "Phi-4-multimodal",
  phi4flash: "Phi-4-mini-flash-reasoning",
};

/** Keys that would change the mathematics, with the values at which they do not. Absent keys are fine. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ["silu", "swish"],
  attention_bias: [false, null],
  mlp_bias: [false, null],
  lm_head_bias: [false, null],
  qk_layernorm: [false, null],
  use_qk_norm: [false, null],
  quantization_config: [null],
  full_attn_mod: [1, null],
  interpolate_factor: [1, null],
  attn_logit_softcapping: [null],
  final_logit_softcapping: [null],
  num_local_experts: [null],
  is_encoder_decoder: [false, null],
};

/**
 * Reads a config.json as Hugging Face writes it: the older form (`rope_theta`, `rope_scaling`, `partial_rotary_factor` at the top) and the
 * newer one (`rope_parameters`) give the same result. Harmless unknown keys are ignored; defaults are those of HF Phi3Config.
 * @param file named in errors
 * @throws ConfigError if the model is another architecture, if a known key asks for mathematics that is not built, or if sizes do not fit
 */
export function parseConfig(json: unknown, file = "config.json"): PhiConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError({ what: "not a JSON object", file, got: json });
  }
  const raw = json as Json;
  checkArchitecture(raw, file);
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    if (key in raw && !neutral.includes(raw[key])) {
      throw new ConfigError({
        what: `"${key}" asks for something that is not built`,
        file,
        got: raw[key],
        expected: neutral[0],
      });
    }
  }
  checkUniformLayers(raw, file);

  const size = (key: string, fallback?: number, most?: number): number => positive(raw, key, file, fallback, most);
  const heads = size("num_attention_heads");
  const kvHeads = raw.num_key_value_heads == null ? heads : size("num_key_value_heads");
  const hiddenSize = size("hidden_size");
  const headDim = raw.head_dim == null ? hiddenSize / heads : size("head_dim");
  if (!Number.isInteger(headDim)) {
    throw new ConfigError({
      what: "hidden_size is no multiple of num_attention_heads",
      file,
      got: hiddenSize,
      expected: `a multiple of ${heads}`,
    });
  }
  if (heads % kvHeads !== 0) {
    throw new ConfigError({
      what: "num_attention_heads is no multiple of num_key_value_heads",
      file,
      got: heads,
      expected: `a multiple of ${kvHeads}`,
    });
  }
  const normEps = raw.rms_norm_eps ?? 1e-5;
  if (typeof normEps !== "number" || !(normEps >= 0 && normEps < 1)) {
    throw new ConfigError({ what: '"rms_norm_eps"', file, got: normEps, expected: "a number from 0 to 1" });
  }
  const contextLength = size("max_position_embeddings", 4096);
  const bos = raw.bos_token_id;
  return {
    modelType: "phi3",
    vocabSize: size("vocab_size"),
    hiddenSize,
    intermediateSize: size("intermediate_size"),
    layers: size("num_hidden_layers", undefined, MAX_LAYERS),
    heads,
    kvHeads,
    headDim,
    ...parseRope(raw, headDim, contextLength, file),
    slidingWindow: raw.sliding_window == null ? 0 : size("sliding_window"),
    normEps,
    contextLength,
    tiedEmbeddings: raw.tie_word_embeddings === true,
    eosTokenIds: tokenIds(raw.eos_token_id),
    ...(Number.isSafeInteger(bos) ? { bosTokenId: bos as number } : {}),
  };
}

/** eos_token_id of a config.json or generation_config.json as a list: it may be absent, one id or several. */
function tokenIds(value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => Number.isSafeInteger(id) && id >= 0);
}

function checkArchitecture(raw: Json, file: string): void {
  const type = raw.model_type;
  const classes = Array.isArray(raw.architectures) ? raw.architectures : [];
  if (type === "phi3" && (classes.length === 0 || classes.includes("Phi3ForCausalLM"))) return;
  const known = typeof type === "string" && Object.hasOwn(OTHER_PHI, type) ? ` (${OTHER_PHI[type]})` : "";
  const got = classes.length > 0 ? `${type}, ${classes.join(", ")}` : type;
  throw new ConfigError(
    { what: `this architecture is not built${known}`, file, got, expected: "model_type phi3, Phi3ForCausalLM" },
    "architecture",
  );
}

/** Newer configs may give each layer a kind of attention of its own; Phi-3 and Phi-4 have one kind for all. */
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

/** No size is near it; that the weights have the sizes is checked against their file. */
const MAX_SIZE = 2 ** 31 - 1;

/** Every layer has tensors and a cache to plan for; the deepest Phi has 40. */
const MAX_LAYERS = 1024;

function positive(raw: Json, key: string, file: string, fallback?: number, most = MAX_SIZE): number {
  const value = raw[key] ?? fallback;
  if (Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most) return value as number;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: `an integer from 1 to ${most}` });
}
