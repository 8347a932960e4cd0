/**
 * HF model_type `phi3small`: Phi-3-small. LayerNorm, biases, a GEGLU whose halves alternate and are clamped, and in most layers attention of which each
 * head sees some blocks of keys only. The widths of muP scale the embedding, the scores and the logits.
 * Transformers has no class of it; this is the mathematics of modeling_phi3_small.py, positional_embedding.py and configuration_phi3_small.py in
 * microsoft/Phi-3-small-8k-instruct and -128k-instruct. muP: G. Yang et al., "Tensor Programs V" (arXiv 2203.03466).
 *
 * Letters: T new tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn, V vocabulary.
 */
import { ConfigError } from "../errors.ts";
import type { Tell } from "../faults.ts";
import { patternFault } from "../kernels/block-pattern.ts";
import type { BlockPattern, Kernels, KVLayer } from "../kernels/kernels.ts";
import { REST } from "../kernels/rest.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, Buffers } from "./architecture.ts";
import type { PhiConfig, SparseLayers } from "./config.ts";
import { flag, integer, type Json, type Keys, sharedKeys } from "./config-keys.ts";
import { project } from "./project.ts";
import type { Scratch } from "./scratch.ts";
import { biased, modelWeights, vector, type WeightSpec } from "./weights.ts";

export const phi3small: Architecture = {
  modelType: "phi3small",
  models: "Phi-3-small",
  classes: ["Phi3SmallForCausalLM"],
  config: phi3smallConfig,
  weights: phi3smallWeights,
  buffers: phi3smallBuffers,
  layer: phi3smallLayer,
  kernels: REST,
};

/** Defaults of Phi3SmallConfig. */
const KEYS: Keys = {
  neutral: {
    hidden_act: ["gegelu"],
    rope_position_scale: [1, null],
    ff_dim_multiplier: [null],
    sliding_window: [null],
    attention_bias: [false, null], // in no published file; the layers have their biases without it
  },
  normEps: "layer_norm_epsilon",
  contextLength: 8192,
  rope: { theta: 1e6, partial: 1, scales: "own" },
};

function phi3smallConfig(raw: Json, file: string, tell?: Tell): PhiConfig {
  const positive = (key: string, fallback: number) => numberAbove0(raw, key, file, fallback);
  const long = raw.rope_scaling as Json | null | undefined;
  const shared = sharedKeys(
    {
      ...raw,
      intermediate_size: integer(raw, "ff_intermediate_size", file, 14336),
      num_key_value_heads: raw.num_key_value_heads ?? 8,
      rope_theta: positive("rope_embedding_base", 1e6),
      rope_parameters: null,
      original_max_position_embeddings: long && integer(long, "original_max_position_embeddings", file, undefined, 2),
      tie_word_embeddings: raw.tie_word_embeddings ?? true,
    },
    file,
    "phi3small",
    KEYS,
    tell,
  );
  const byWidth = raw.mup_use_scaling == null || flag(raw, "mup_use_scaling", file);
  return {
    ...shared,
    embeddingScale: positive("mup_embedding_multiplier", 10) ?? 1,
    ...(byWidth && { attentionScale: (positive("mup_attn_multiplier", 1) ?? 1) / shared.headDim }),
    logitScale: 1 / (positive("mup_width_multiplier", 8) ?? 1),
    unusedTokens: unusedTokens(raw, shared.vocabSize, file),
    gateLimit: positive("gegelu_limit", 20) ?? Infinity,
    sparse: sparseLayers(raw, shared, file),
  };
}

/** A number above 0; undefined where it is null. */
function numberAbove0(raw: Json, key: string, file: string, fallback: number): number | undefined {
  const value = key in raw ? raw[key] : fallback;
  if (value === null) return undefined;
  if (typeof value === "number" && value > 0 && value < Infinity) return value;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: "a number above 0" });
}

/** What the keys blocksparse_… say. */
function sparseLayers(raw: Json, { heads: H }: PhiConfig, file: string): SparseLayers {
  const size = integer(raw, "blocksparse_block_size", file, 64);
  const stride = integer(raw, "blocksparse_vert_stride", file, 8);
  const alike = flag(raw, "blocksparse_homo_head_pattern", file);
  const pattern: BlockPattern = {
    size,
    local: integer(raw, "blocksparse_num_local_blocks", file, 16),
    stride,
    step: alike ? 0 : Math.max(1, Math.floor(stride / H)),
  };
  const fault = patternFault(pattern);
  if (fault) throw new ConfigError({ what: `"blocksparse_…" asks for attention that is not built`, file, ...fault });
  const every = "dense_attention_every_n_layers";
  return { pattern, denseEvery: raw[every] === null ? 0 : integer(raw, every, file, 2, 0) };
}

/** Ids of cl100k_base's published vocabulary of 100,352 that no text has: those of tokenization_phi3_small.py (dummy_token_indices). */
const PUBLISHED = { size: 100352, ids: [100256, 100258, 100259, 100260, 100264, 100265], from: 100267 };

function unusedTokens(raw: Json, V: number, file: string): number[] {
  const stated = raw.dummy_token_indices;
  if (stated == null) {
    if (V !== PUBLISHED.size) return [];
    return [...PUBLISHED.ids, ...Array.from({ length: V - PUBLISHED.from }, (_, i) => PUBLISHED.from + i)];
  }
  if (Array.isArray(stated) && stated.every((id) => Number.isInteger(id) && id >= 0 && id < V)) return stated;
  throw new ConfigError({ what: '"dummy_token_indices"', file, got: stated, expected: `ids below ${V}` });
}

/** One decoder layer. */
interface Phi3smallLayer {
  inputNorm: Tensor; //      [D]
  inputNormBias: Tensor; //  [D]
  qkv: PackedMatrix; //      [(H + 2K)·dh, D]   rows: for each key head its H / K q heads, then k, then v
  qkvBias: Tensor; //        [(H + 2K)·dh]
  dense: PackedMatrix; //    [D, H·dh]
  denseBias: Tensor; //      [D]
  postNorm: Tensor; //       [D]
  postNormBias: Tensor; //   [D]
  up: PackedMatrix; //       [2F, D]            rows: gate 0, up 0, gate 1, up 1, …
  upBias: Tensor; //         [2F]
  down: PackedMatrix; //     [D, F]
  downBias: Tensor; //       [D]
}

/** The tensors of a checkpoint, by their published names. */
function phi3smallWeights(c: PhiConfig): WeightSpec[] {
  const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads: K, headDim: dh } = c;
  const layers: WeightSpec[] = [];
  for (let i = 0; i < c.layers; i++) {
    const at = `model.layers.${i}`;
    layers.push(
      vector(`${at}.input_layernorm.weight`, i, "inputNorm", D),
      vector(`${at}.input_layernorm.bias`, i, "inputNormBias", D),
      ...biased(`${at}.self_attn.query_key_value`, i, "qkv", (H + 2 * K) * dh, D),
      ...biased(`${at}.self_attn.dense`, i, "dense", D, H * dh),
      vector(`${at}.post_attention_layernorm.weight`, i, "postNorm", D),
      vector(`${at}.post_attention_layernorm.bias`, i, "postNormBias", D),
      ...biased(`${at}.mlp.up_proj`, i, "up", 2 * F, D),
      ...biased(`${at}.mlp.down_proj`, i, "down", D, F),
    );
  }
  return modelWeights(c, layers, { norm: "model.final_layernorm", normBias: true });
}

/** `grouped` [T, (H + 2K)·dh]: queries, keys and values in the order of the matrix. */
function phi3smallBuffers(c: PhiConfig): Buffers<"grouped" | "up" | "ff"> {
  const { heads: H, kvHeads: K, headDim: dh, intermediateSize: F } = c;
  return { grouped: (H + 2 * K) * dh, up: 2 * F, ff: F };
}

type Phi3smallScratch = Scratch<"grouped" | "up" | "ff">;

/** x [T, D] += attention(norm(x)); x += mlp(norm(x)). */
function phi3smallLayer(
  k: Kernels,
  c: PhiConfig,
  w: Phi3smallLayer,
  s: Phi3smallScratch,
  kv: KVLayer,
  start: number,
  layer: number,
): void {
  attention(k, c, w, s, kv, start, layer);
  k.add(s.x, s.x, s.h);
  mlp(k, c, w, s);
  k.add(s.x, s.x, s.h);
}

/** h [T, D] = dense · attention(rope(qkv · norm(x))). */
function attention(
  k: Kernels,
  c: PhiConfig,
  w: Phi3smallLayer,
  s: Phi3smallScratch,
  kv: KVLayer,
  start: number,
  layer: number,
): void {
  const T = s.x.shape[0];
  const { pattern, denseEvery } = c.sparse as SparseLayers;
  const isDense = denseEvery > 0 && (layer + 1) % denseEvery === 0;
  const scale = c.attentionScale ?? 1 / Math.sqrt(c.headDim);
  k.layernorm(s.h, s.x, w.inputNorm, w.inputNormBias, c.normEps); //                          [T, D]
  project(k, s, s.own.grouped, s.h, w.qkv, w.qkvBias); //                                     [T, (H + 2K)·dh]
  ungroup(s.qkv, s.own.grouped, c); //                                                        [T, H + 2K, dh]
  k.rope(s.qkv, c.heads + c.kvHeads, s.cos, s.sin); //                                        queries and keys turn
  k.storeKV(kv, s.qkv, start); //                                                             positions start … start + T - 1
  k.attention(s.attn, s.qkv, kv, start, 0, scale, isDense ? undefined : pattern); //          [T, H, dh]
  project(k, s, s.h, s.attn.reshape([T, w.dense.cols]), w.dense, w.denseBias); //             [T, D]
}

/** qkv [T, H + 2K, dh] = q heads, k heads, v heads, of `grouped` [T, (H + 2K)·dh]: group by group H / K q heads, k, v. */
function ungroup(qkv: Tensor, grouped: Tensor, { heads: H, kvHeads: K, headDim: dh }: PhiConfig): void {
  const [to, from] = [qkv.f32, grouped.f32];
  const queries = (H / K) * dh; // numbers of a group's
  const row = (H + 2 * K) * dh;
  for (let t = 0; t < qkv.shape[0]; t++) {
    for (let g = 0; g < K; g++) {
      const [out, at] = [t * row, t * row + g * (queries + 2 * dh)];
      to.set(from.subarray(at, at + queries), out + g * queries);
      to.set(from.subarray(at + queries, at + queries + dh), out + (H + g) * dh);
      to.set(from.subarray(at + queries + dh, at + queries + 2 * dh), out + (H + K + g) * dh);
    }
  }
}

/** h [T, D] = down · geglu(up · norm(x)). */
function mlp(k: Kernels, c: PhiConfig, w: Phi3smallLayer, s: Phi3smallScratch): void {
  const { up, ff } = s.own;
  k.layernorm(s.h, s.x, w.postNorm, w.postNormBias, c.normEps); //   [T, D]
  project(k, s, up, s.h, w.up, w.upBias); //                         [T, 2F]
  k.geglu(ff, up, c.gateLimit as number); //                         [T, F]
  project(k, s, s.h, ff, w.down, w.downBias); //                     [T, D]
}
