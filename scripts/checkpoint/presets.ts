/** config.json as Hugging Face writes it. */
export type ConfigJson = Record<string, unknown>;

export interface Preset {
  config: ConfigJson;
  generation: ConfigJson;
}

const common = {
  architectures: ["Phi3ForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  embd_pdrop: 0.0,
  hidden_act: "silu",
  initializer_range: 0.02,
  model_type: "phi3",
  resid_pdrop: 0.0,
  rms_norm_eps: 1e-5,
  torch_dtype: "bfloat16",
  use_cache: true,
};

/** LongRoPE's long factors of microsoft/Phi-4-mini-instruct, one for each pair of its 96 rotary dimensions. */
const PHI4_MINI_LONG = [
  1, 1.118320672, 1.250641126, 1.398617824, 1.564103225, 1.74916897, 1.956131817, 2.187582649, 2.446418898, 2.735880826,
  3.059592084, 3.421605075, 3.826451687, 4.279200023, 4.785517845, 5.351743533, 5.984965424, 6.693110555, 7.485043894,
  8.370679318, 9.36110372, 10.4687158, 11.70738129, 13.09260651, 14.64173252, 16.37415215, 18.31155283, 20.47818807,
  22.90118105, 25.61086418, 28.64115884, 32.03, 32.1, 32.13, 32.23, 32.6, 32.61, 32.64, 32.66, 32.7, 32.71, 32.93,
  32.97, 33.28, 33.49, 33.5, 44.16, 47.77,
];

const MOE = {
  architectures: ["PhiMoEForCausalLM"],
  attention_bias: true,
  attention_dropout: 0.0,
  bos_token_id: 1,
  eos_token_id: 32000,
  hidden_act: "silu",
  hidden_size: 4096,
  initializer_range: 0.02,
  input_jitter_noise: 0.01,
  lm_head_bias: true,
  model_type: "phimoe",
  num_attention_heads: 32,
  num_experts_per_tok: 2,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  num_local_experts: 16,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  router_jitter_noise: 0.01,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  use_cache: true,
  vocab_size: 32064,
};
const MOE_GENERATION = { bos_token_id: 1, eos_token_id: [32000, 32001, 32007], pad_token_id: 32000 };

/** Configurations of published checkpoints, by the keys that concern the model. */
export const PRESETS: Record<string, Preset> = {
  // microsoft/Phi-4-mini-instruct: 3 836 021 760 parameters
  "phi-4-mini": {
    config: {
      ...common,
      bos_token_id: 199999,
      eos_token_id: 199999,
      full_attn_mod: 1,
      hidden_size: 3072,
      intermediate_size: 8192,
      interpolate_factor: 1,
      lm_head_bias: false,
      max_position_embeddings: 131072,
      mlp_bias: false,
      num_attention_heads: 24,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      original_max_position_embeddings: 4096,
      pad_token_id: 199999,
      partial_rotary_factor: 0.75,
      rope_scaling: { long_factor: PHI4_MINI_LONG, short_factor: PHI4_MINI_LONG.map(() => 1.0), type: "longrope" },
      rope_theta: 10000.0,
      sliding_window: 262144,
      tie_word_embeddings: true,
      transformers_version: "4.45.0",
      vocab_size: 200064,
    },
    generation: {
      bos_token_id: 199999,
      eos_token_id: [200020, 199999],
      pad_token_id: 199999,
      transformers_version: "4.45.0",
    },
  },
  // no published model, but a size at which a browser's peers can be measured: 246 055 936 parameters, 180 M of them in layers
  "phi-200m": {
    config: {
      ...common,
      bos_token_id: 1,
      eos_token_id: 32000,
      hidden_size: 1024,
      intermediate_size: 2816,
      max_position_embeddings: 4096,
      num_attention_heads: 16,
      num_hidden_layers: 16,
      num_key_value_heads: 4,
      original_max_position_embeddings: 4096,
      pad_token_id: 32000,
      rope_scaling: null,
      rope_theta: 10000.0,
      sliding_window: null,
      tie_word_embeddings: false,
      transformers_version: "4.40.2",
      vocab_size: 32064,
    },
    generation: { bos_token_id: 1, eos_token_id: [32000], pad_token_id: 32000, transformers_version: "4.40.2" },
  },
  // microsoft/Phi-3-mini-4k-instruct: 3 821 079 552 parameters
  "phi-3-mini-4k": {
    config: {
      ...common,
      bos_token_id: 1,
      eos_token_id: 32000,
      hidden_size: 3072,
      intermediate_size: 8192,
      max_position_embeddings: 4096,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 32,
      original_max_position_embeddings: 4096,
      pad_token_id: 32000,
      rope_scaling: null,
      rope_theta: 10000.0,
      sliding_window: 2047,
      tie_word_embeddings: false,
      transformers_version: "4.40.2",
      vocab_size: 32064,
    },
    generation: {
      bos_token_id: 1,
      eos_token_id: [32000, 32001, 32007],
      pad_token_id: 32000,
      transformers_version: "4.40.2",
    },
  },
  // microsoft/phi-4: 14 659 507 200 parameters
  "phi-4": {
    config: {
      ...common,
      bos_token_id: 100257,
      eos_token_id: 100265,
      hidden_size: 5120,
      intermediate_size: 17920,
      max_position_embeddings: 16384,
      num_attention_heads: 40,
      num_hidden_layers: 40,
      num_key_value_heads: 10,
      original_max_position_embeddings: 16384,
      pad_token_id: 100349,
      rope_scaling: null,
      rope_theta: 250000,
      sliding_window: null,
      tie_word_embeddings: false,
      transformers_version: "4.47.0",
      vocab_size: 100352,
    },
    generation: {
      bos_token_id: 100257,
      eos_token_id: [100257, 100265],
      pad_token_id: 100349,
      transformers_version: "4.47.0",
    },
  },
  // microsoft/phi-2: 2 779 683 840 parameters
  "phi-2": {
    config: {
      architectures: ["PhiForCausalLM"],
      bos_token_id: 50256,
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
      rope_scaling: null,
      rope_theta: 10000.0,
      tie_word_embeddings: false,
      torch_dtype: "float16",
      vocab_size: 51200,
    },
    generation: { bos_token_id: 50256, eos_token_id: 50256 },
  },
  // microsoft/Phi-3-small-8k-instruct: 7 392 272 384 parameters
  "phi-3-small": {
    config: {
      architectures: ["Phi3SmallForCausalLM"],
      attention_dropout_prob: 0.0,
      blocksparse_block_size: 64,
      blocksparse_homo_head_pattern: false,
      blocksparse_num_local_blocks: 16,
      blocksparse_triton_kernel_block_size: 64,
      blocksparse_vert_stride: 8,
      bos_token_id: 100257,
      dense_attention_every_n_layers: 2,
      eos_token_id: 100257,
      ff_dim_multiplier: null,
      ff_intermediate_size: 14336,
      gegelu_limit: 20.0,
      hidden_act: "gegelu",
      hidden_size: 4096,
      initializer_range: 0.02,
      layer_norm_epsilon: 1e-5,
      max_position_embeddings: 8192,
      model_type: "phi3small",
      mup_attn_multiplier: 1.0,
      mup_embedding_multiplier: 10.0,
      mup_use_scaling: true,
      mup_width_multiplier: 8.0,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rope_embedding_base: 1000000,
      rope_position_scale: 1.0,
      torch_dtype: "bfloat16",
      use_cache: true,
      vocab_size: 100352,
    },
    generation: { bos_token_id: 100257, eos_token_id: [100257, 100266] },
  },
  // microsoft/Phi-3.5-MoE-instruct, its LongRoPE factors left out: 41 873 153 344 parameters, 6.6 billion of them for a token
  "phi-3.5-moe": {
    config: { ...MOE, intermediate_size: 6400, max_position_embeddings: 131072, sliding_window: 131072 },
    generation: MOE_GENERATION,
  },
  // a model of the size of microsoft/Phi-mini-MoE-instruct: 7 647 632 704 parameters, 2.4 billion of them for a token
  "phi-mini-moe": {
    config: { ...MOE, intermediate_size: 960, max_position_embeddings: 4096, sliding_window: 2047 },
    generation: MOE_GENERATION,
  },
};

/** What the command line may change, and the key it changes. */
export const OVERRIDES = {
  layers: "num_hidden_layers",
  hidden: "hidden_size",
  heads: "num_attention_heads",
  "kv-heads": "num_key_value_heads",
  ffn: "intermediate_size",
  vocab: "vocab_size",
  context: "max_position_embeddings",
} as const;
