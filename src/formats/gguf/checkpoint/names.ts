/** Names of tensors: llama.cpp's on the left, Hugging Face's on the right. Source: gguf-py's tensor_mapping.py, read for Phi's models. */

const ENDS: readonly [string, string][] = [
  ["token_embd", "model.embed_tokens"],
  ["output_norm", "model.norm"],
  ["output", "lm_head"],
];

const OUTSIDE: Readonly<Record<string, readonly [string, string][]>> = {
  phi2: [
    ["token_embd", "model.embed_tokens"],
    ["output_norm", "model.final_layernorm"],
    ["output", "lm_head"],
  ],
  phi3: ENDS,
  phimoe: ENDS,
  llama: ENDS,
};

const ATTENTION: readonly [string, string][] = [
  ["attn_norm", "input_layernorm"],
  ["attn_q", "self_attn.q_proj"],
  ["attn_k", "self_attn.k_proj"],
  ["attn_v", "self_attn.v_proj"],
];

/** In a layer. Of all these only llama's attn_q and attn_k have their rows in another order than HF's: llama-rows.ts. */
const LAYER: Readonly<Record<string, readonly [string, string][]>> = {
  phi2: [
    ...ATTENTION,
    ["attn_qkv", "self_attn.qkv_proj"],
    ["attn_output", "self_attn.dense"],
    ["ffn_up", "mlp.fc1"],
    ["ffn_down", "mlp.fc2"],
  ],
  phi3: [
    ...ATTENTION,
    ["attn_qkv", "self_attn.qkv_proj"],
    ["attn_output", "self_attn.o_proj"],
    ["ffn_norm", "post_attention_layernorm"],
    ["ffn_up", "mlp.gate_up_proj"],
    ["ffn_down", "mlp.down_proj"],
  ],
  llama: [
    ...ATTENTION,
    ["attn_output", "self_attn.o_proj"],
    ["ffn_norm", "post_attention_layernorm"],
    ["ffn_gate", "mlp.gate_proj"],
    ["ffn_up", "mlp.up_proj"],
    ["ffn_down", "mlp.down_proj"],
  ],
  phimoe: [
    ...ATTENTION,
    ["attn_output", "self_attn.o_proj"],
    ["ffn_norm", "post_attention_layernorm"],
    ["ffn_gate_inp", "block_sparse_moe.gate"],
    // One tensor for all experts, along its outermost axis.
    ["ffn_gate_exps", "block_sparse_moe.experts.*.w1"],
    ["ffn_down_exps", "block_sparse_moe.experts.*.w2"],
    ["ffn_up_exps", "block_sparse_moe.experts.*.w3"],
  ],
};

/** What the configuration has already. */
const IN_CONFIG = ["rope_factors_long.weight", "rope_factors_short.weight", "rope_freqs.weight"];

/**
 * Hugging Face's name of a tensor; "*" in it stands for the number of an expert. Undefined for tensors that config.json stands for; names that
 * are not known are left in a layer as they are, so that whoever checks a layer finds them left over.
 */
export function hubName(arch: string, name: string): string | undefined {
  if (IN_CONFIG.includes(name)) return undefined;
  const [, layer, stem, part] = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (stem === undefined) return name;
  const table = (layer === undefined ? OUTSIDE : LAYER)[arch] ?? [];
  const found = table.find(([theirs]) => theirs === stem)?.[1] ?? (layer === undefined ? name : stem);
  if (found === name) return name;
  return `${layer === undefined ? "" : `model.layers.${layer}.`}${found}.${part}`;
}
