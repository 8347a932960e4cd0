import { ConfigError, type Notice } from "../../../errors.ts";
import { hasPhiSizes, hasPhiTokens, noPhi } from "../../which-phi.ts";
import type { Gguf } from "../open.ts";
import { Fields, shortest } from "./fields.ts";

/** Architectures of llama.cpp that are Phi's, and what Hugging Face calls them; llama is that of a Phi which was converted to it. */
const ARCHITECTURES: Readonly<Record<string, { modelType: string; className: string; eps: string; epsKey: string }>> = {
  phi2: { modelType: "phi", className: "PhiForCausalLM", eps: "layer_norm_epsilon", epsKey: "layer_norm_eps" },
  phi3: { modelType: "phi3", className: "Phi3ForCausalLM", eps: "layer_norm_rms_epsilon", epsKey: "rms_norm_eps" },
  phimoe: {
    modelType: "phimoe",
    className: "PhimoeForCausalLM",
    eps: "layer_norm_rms_epsilon",
    epsKey: "rms_norm_eps",
  },
  llama: {
    modelType: "llama",
    className: "LlamaForCausalLM",
    eps: "layer_norm_rms_epsilon",
    epsKey: "rms_norm_eps",
  },
};

/** The architecture that a file states. @throws ConfigError (code "architecture") for one that is not Phi's */
export function architectureOf(fields: Fields): string {
  const name = fields.text("general.architecture");
  if (Object.hasOwn(ARCHITECTURES, name)) return name;
  const what = "this architecture of a GGUF file is not built";
  const expected = Object.keys(ARCHITECTURES).join(", ");
  throw new ConfigError({ what, file: fields.file, got: name, expected }, "architecture");
}

/**
 * The config.json of the model that a file holds: the keys that Hugging Face writes, out of metadata and of the tensors that stand for some of
 * them (token_embd.weight has a row for each token, rope_factors_long and _short are LongRoPE's, no output.weight means tied tables).
 * Sources: conversion/phi.py and src/models/phi3.cpp of llama.cpp.
 * @throws FormatError (gguf_missing, gguf_value), ConfigError (code "architecture"), also for a Llama that is no Phi
 */
export async function configOf(gguf: Gguf): Promise<Record<string, unknown>> {
  const fields = new Fields(gguf);
  const arch = architectureOf(fields);
  const { modelType, className, eps, epsKey } = ARCHITECTURES[arch];
  const key = (name: string) => `${arch}.${name}`;
  const number = (name: string) => fields.number(key(name));
  const heads = number("attention.head_count");
  const hidden = number("embedding_length");
  const headDim = fields.maybeNumber(key("attention.key_length")) ?? hidden / heads;
  const values = fields.maybeNumber(key("attention.value_length")) ?? headDim;
  if (values !== headDim) fields.wrong(key("attention.value_length"), values, `${headDim}, the length of keys`);
  const { window } = windowOf(fields, arch);
  if (arch === "llama") checkPhi(fields);
  return {
    model_type: modelType,
    architectures: [className],
    vocab_size: gguf.tensors.get("token_embd.weight")?.shape[0] ?? fields.number(key("vocab_size")),
    hidden_size: hidden,
    intermediate_size: number("feed_forward_length"),
    num_hidden_layers: number("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: fields.maybeNumber(key("attention.head_count_kv")) ?? heads,
    ...(headDim !== hidden / heads && { head_dim: headDim }),
    max_position_embeddings: number("context_length"),
    [epsKey]: shortest(number(`attention.${eps}`)),
    rope_parameters: await ropeOf(gguf, fields, arch, headDim),
    sliding_window: window === 0 ? null : window,
    tie_word_embeddings: !gguf.tensors.has("output.weight"),
    ...expertsOf(gguf, fields, arch),
    ...tokenIdsOf(fields),
  };
}

/** @throws ConfigError (code "architecture") for a Llama that is no Phi */
function checkPhi(fields: Fields): void {
  const number = (name: string) => fields.number(`llama.${name}`);
  const heads = number("attention.head_count");
  const sizes = {
    layers: number("block_count"),
    hiddenSize: number("embedding_length"),
    heads,
    kvHeads: fields.maybeNumber("llama.attention.head_count_kv") ?? heads,
    intermediateSize: number("feed_forward_length"),
    ropeTheta: fields.maybeNumber("llama.rope.freq_base") ?? 10000,
  };
  if (hasPhiSizes(sizes) || hasPhiTokens(fields.maybeTexts("tokenizer.ggml.tokens") ?? [])) return;
  throw noPhi("llama", fields.file, sizes);
}

/** rope_parameters as transformers 5 writes them. */
async function ropeOf(gguf: Gguf, fields: Fields, arch: string, headDim: number): Promise<Record<string, unknown>> {
  const key = (name: string) => `${arch}.rope.${name}`;
  const dims = fields.maybeNumber(key("dimension_count")) ?? headDim;
  const rope = {
    rope_theta: shortest(fields.maybeNumber(key("freq_base")) ?? 10000),
    // HF takes the whole part of headDim · this; half a dim more keeps rounding out of it.
    partial_rotary_factor: dims === headDim ? 1 : (dims + 0.5) / headDim,
  };
  const [long, short] = ["rope_factors_long.weight", "rope_factors_short.weight"].map((name) => gguf.tensors.get(name));
  if (!long && !short) {
    // Factors by which Llama 3.1 stretches some frequencies: a tensor of its own says that they are there.
    const stretched = gguf.tensors.has("rope_freqs.weight");
    const type = stretched ? "llama3" : (fields.maybeText(key("scaling.type")) ?? "none");
    const factor = fields.maybeNumber(key("scaling.factor"));
    return type === "none" || type === "longrope"
      ? { ...rope, rope_type: "default" }
      : { ...rope, rope_type: type, factor };
  }
  const factors = async (info: typeof long) => info && Array.from(await gguf.toFloat32(info.name), shortest);
  const stated = fields.maybeNumber(key("scaling.attn_factor"));
  const scale = stated === undefined ? {} : { attention_factor: stated };
  return {
    ...rope,
    rope_type: "longrope",
    short_factor: await factors(short),
    long_factor: await factors(long),
    original_max_position_embeddings: fields.maybeNumber(key("scaling.original_context_length")),
    ...(arch === "phimoe" ? { short_mscale: MOE_SCALE, long_mscale: MOE_SCALE } : scale),
  };
}

/** By which Phi-3.5-MoE multiplies cos and sin, in both sets of factors. Source: rope_scaling in its published config.json. */
const MOE_SCALE = 1.243163121016122;

/** The converter leaves that scale out; the only published model of this kind with LongRoPE is Phi-3.5-MoE. */
export function scaleNotice({ tensors }: Pick<Gguf, "tensors">, arch: string): Notice | undefined {
  if (arch !== "phimoe" || !tensors.has("rope_factors_long.weight")) return undefined;
  const message = `the file does not state LongRoPE's scale; Phi-3.5-MoE's is taken, ${MOE_SCALE}`;
  return { code: "rope_scale", message };
}

/** Layers, hidden size, heads, key heads and feed-forward size of the models that have a window of 2047 at 4,096 tokens. */
const WINDOWED = [
  { name: "Phi-3-mini-4k", sizes: [32, 3072, 32, 32, 8192] },
  { name: "Phi-3-medium-4k", sizes: [40, 5120, 40, 10, 17920] },
];

/**
 * The sliding window, 0 for none. The first files of Phi-3-mini-4k and -medium-4k, Microsoft's own among them, do not state it: they are known by
 * their sizes, and a notice says so.
 */
export function windowOf(fields: Fields, arch: string): { window: number; notice?: Notice } {
  const stated = fields.maybeNumber(`${arch}.attention.sliding_window`);
  if (stated !== undefined) return { window: stated };
  const names = [
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "feed_forward_length",
  ];
  const sizes = names.map((name) => fields.maybeNumber(`${arch}.${name}`));
  const model = WINDOWED.find((m) => m.sizes.every((n, i) => n === sizes[i]));
  if (arch !== "phi3" || fields.maybeNumber("phi3.context_length") !== 4096 || !model) return { window: 0 };
  const message = `the file does not state a sliding window; by its sizes it is ${model.name}, whose window is 2047 tokens`;
  return { window: 2047, notice: { code: "sliding_window", message } };
}

function expertsOf({ tensors }: Gguf, fields: Fields, arch: string): Record<string, unknown> {
  if (arch === "llama" && fields.maybeNumber("llama.expert_count")) {
    return { num_local_experts: fields.number("llama.expert_count") };
  }
  if (arch !== "phimoe") return {};
  return {
    num_local_experts: fields.number("phimoe.expert_count"),
    num_experts_per_tok: fields.number("phimoe.expert_used_count"),
    attention_bias: tensors.has("blk.0.attn_output.bias"),
    lm_head_bias: tensors.has("output.bias"),
  };
}

/** bos_token_id, and as eos_token_id all that end an answer or a turn. */
function tokenIdsOf(fields: Fields): { bos_token_id?: number; eos_token_id: number[] } {
  const id = (name: string) => fields.maybeNumber(`tokenizer.ggml.${name}_token_id`);
  const ends = [id("eos"), id("eot"), id("eom")].filter((n) => n !== undefined);
  const bos = id("bos");
  return { ...(bos !== undefined && { bos_token_id: bos }), eos_token_id: [...new Set(ends)] };
}
