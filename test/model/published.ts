import { type ConfigJson, PRESETS } from "../../scripts/checkpoint/presets.ts";

/** Published config.json files, by the keys that concern the model. */

/** config.json as Phi-4-mini is published, in the older form of the keys (factor lists of the right length, by repetition). */
export const phi4mini = () => ({
  ...PRESETS["phi-4-mini"].config,
  auto_map: { AutoConfig: "configuration_phi3.Phi3Config" },
  rope_scaling: { type: "longrope", short_factor: Array(48).fill(1), long_factor: Array(48).fill(2) } as unknown,
});

/** config.json of Phi-2 as published. */
export const phi2 = () => ({
  architectures: ["PhiForCausalLM"],
  attention_dropout: 0,
  bos_token_id: 50256,
  embd_pdrop: 0,
  eos_token_id: 50256,
  hidden_act: "gelu_new",
  hidden_size: 2560,
  initializer_range: 0.02,
  intermediate_size: 10240,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 2048,
  model_type: "phi",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  partial_rotary_factor: 0.4,
  qk_layernorm: false,
  resid_pdrop: 0.1,
  rope_scaling: null as unknown,
  rope_theta: 10000,
  tie_word_embeddings: false,
  torch_dtype: "float16",
  use_cache: true,
  vocab_size: 51200,
});

/** config.json as Phi-3.5-MoE is published (factor lists by repetition). */
export const phi35moe = () => ({
  architectures: ["PhiMoEForCausalLM"],
  attention_bias: true,
  attention_dropout: 0,
  auto_map: { AutoConfig: "configuration_phimoe.PhiMoEConfig" },
  bos_token_id: 1,
  eos_token_id: 32000,
  hidden_act: "silu",
  hidden_dropout: 0,
  hidden_size: 4096,
  input_jitter_noise: 0.01,
  intermediate_size: 6400,
  lm_head_bias: true,
  max_position_embeddings: 131072,
  model_type: "phimoe",
  num_attention_heads: 32,
  num_experts_per_tok: 2,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  num_local_experts: 16,
  original_max_position_embeddings: 4096,
  output_router_logits: false,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    type: "longrope",
    ...{ short_factor: Array(64).fill(1), long_factor: Array(64).fill(2), original_max_position_embeddings: 4096 },
    ...{ short_mscale: 1.243163121016122, long_mscale: 1.243163121016122 },
  } as object,
  rope_theta: 10000,
  router_aux_loss_coef: 0,
  router_jitter_noise: 0.01,
  sliding_window: 131072,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  use_cache: true,
  vocab_size: 32064,
});

/** config.json of Phi-3-small-8k as published. */
export const phi3small = (): ConfigJson => ({
  ...PRESETS["phi-3-small"].config,
  embedding_dropout_prob: 0.1,
  ffn_dropout_prob: 0.1,
  gegelu_pad_to_256: true,
  pad_sequence_to_multiple_of_64: true,
  reorder_and_upcast_attn: false,
});
