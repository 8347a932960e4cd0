import type { BlockPattern } from "../kernels/kernels.ts";

/** What the decoder needs to know of a checkpoint, as `parseConfig` (parse-config.ts) reads it from config.json, whose keys stand in brackets. */
export interface PhiConfig {
  /** Architecture, e.g. "phi3" (model_type). */
  modelType: string;
  /** V (vocab_size). */
  vocabSize: number;
  /** D (hidden_size). */
  hiddenSize: number;
  /** F (intermediate_size). */
  intermediateSize: number;
  /** Decoder layers (num_hidden_layers). */
  layers: number;
  /** H (num_attention_heads). */
  heads: number;
  /** K (num_key_value_heads). */
  kvHeads: number;
  /** dh (head_dim, or D / H). */
  headDim: number;
  /** R: the first R dims of each head rotate (partial_rotary_factor · dh). */
  rotaryDim: number;
  /** Base of the inverse frequencies (rope_theta). */
  ropeTheta: number;
  /** Absent: one set of frequencies for every length (rope_scaling, or rope_parameters). */
  longrope?: LongRope;
  /** Keys that a query sees, its own included; 0: all (sliding_window). */
  slidingWindow: number;
  /** Added to the mean square in RMSNorm, to the variance in LayerNorm (rms_norm_eps, layer_norm_eps). */
  normEps: number;
  /** Greatest number of tokens of a sequence (max_position_embeddings). */
  contextLength: number;
  /** The output layer is the embedding table (tie_word_embeddings). */
  tiedEmbeddings: boolean;
  /** eos_token_id as a list; the tokens that end an answer are more: `phi.stopTokens`. */
  eosTokenIds: number[];
  /** bos_token_id: the prompt of an empty text. */
  bosTokenId?: number;
  /** Of phi: queries and keys go through LayerNorm, head by head (qk_layernorm). */
  qkNorm?: boolean;
  /** Of phimoe: the layers around attention have biases (attention_bias). */
  attentionBias?: boolean;
  /** Of phimoe: the output layer has a bias (lm_head_bias). */
  headBias?: boolean;
  /** Of phimoe. */
  experts?: Experts;
  /** Of phi3small: the residual stream begins with the embedding times this (mup_embedding_multiplier). */
  embeddingScale?: number;
  /** Of phi3small: scores of attention are q · k times this, elsewhere times dh^-1/2 (mup_attn_multiplier / dh). */
  attentionScale?: number;
  /** Of phi3small: logits are those of the output layer times this (1 / mup_width_multiplier). */
  logitScale?: number;
  /** Of phi3small: ids that no text has; their logits are the least float32 (dummy_token_indices). */
  unusedTokens?: readonly number[];
  /** Of phi3small: gate and up of the MLP are held between its limits (gegelu_limit); ∞: they are not. */
  gateLimit?: number;
  /** Of phi3small. */
  sparse?: SparseLayers;
}

/** Layers whose heads see some blocks of keys only (blocksparse_…). */
export interface SparseLayers {
  readonly pattern: BlockPattern;
  /** Every so many layers one sees all keys, the last of them; 0: none does (dense_attention_every_n_layers). */
  readonly denseEvery: number;
}

/** A mixture of experts: F of the config is that of one expert. */
export interface Experts {
  /** Experts in a layer (num_local_experts). */
  count: number;
  /** Experts that a token goes through (num_experts_per_tok). */
  chosen: 2;
  /** Scores that are nearer to the greatest than twice this share share its weight (router_jitter_noise). */
  jitter: number;
}

/** LongRoPE: two sets of factors by which the inverse frequencies are divided, and the scale of cos and sin. */
export interface LongRope {
  /** [R / 2] (short_factor) */
  shortFactor: number[];
  /** [R / 2] (long_factor) */
  longFactor: number[];
  /** Sequences of more tokens use the long factors (original_max_position_embeddings). */
  originalContext: number;
  /**
   * cos and sin are multiplied by it: attention_factor, or what HF computes without one (parse-rope.ts), alike for both sets; of phimoe
   * short_mscale and long_mscale.
   */
  attentionFactor: { short: number; long: number };
  /** The model was loaded with `rope: "long"`: the long factors at any length. */
  longFromStart?: true;
}
