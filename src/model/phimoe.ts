/**
 * HF model_type `phimoe`: Phi-3.5-MoE, Phi-mini-MoE and Phi-tiny-MoE (HF PhimoeDecoderLayer, PhimoeAttention, PhimoeSparseMoeBlock). LayerNorm,
 * biases around attention, and in place of one MLP several experts, of which each token goes through two.
 *
 * Letters: T new tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn of an expert, E experts, V vocabulary.
 */
import type { Tell } from "../faults.ts";
import type { Kernels, KVLayer } from "../kernels/kernels.ts";
import { REST } from "../kernels/rest.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, Buffers } from "./architecture.ts";
import type { Experts, PhiConfig } from "./config.ts";
import { flag, fraction, integer, type Json, type Keys, sharedKeys } from "./config-keys.ts";
import { project } from "./project.ts";
import type { Scratch } from "./scratch.ts";
import { sparsemixer } from "./sparsemixer.ts";
import { biased, joined, matrix, modelWeights, vector, type WeightSpec } from "./weights.ts";

export const phimoe: Architecture = {
  modelType: "phimoe",
  models: "Phi-3.5-MoE, Phi-mini-MoE, Phi-tiny-MoE",
  classes: ["PhimoeForCausalLM", "PhiMoEForCausalLM"],
  config: phimoeConfig,
  weights: phimoeWeights,
  buffers: phimoeBuffers,
  layer: phimoeLayer,
  kernels: REST,
};

/** Defaults of HF PhimoeConfig. */
const KEYS: Keys = {
  neutral: { hidden_act: ["silu", "swish"], num_experts_per_tok: [2, null] },
  normEps: "rms_norm_eps", // of LayerNorm, for all its name
  contextLength: 131072,
  rope: { theta: 1e6, partial: 1, scales: "stated" },
};

/** Each layer has as many matrices, all of which are listed before any file is looked at; the published models have 16. */
const MAX_EXPERTS = 64;

function phimoeConfig(raw: Json, file: string, tell?: Tell): PhiConfig {
  return {
    ...sharedKeys(raw, file, "phimoe", KEYS, tell),
    attentionBias: flag(raw, "attention_bias", file),
    headBias: flag(raw, "lm_head_bias", file),
    experts: {
      count: integer(raw, "num_local_experts", file, 16, 2, MAX_EXPERTS),
      chosen: 2,
      jitter: fraction(raw, "router_jitter_noise", file, 0.01),
    },
  };
}

/** One decoder layer. */
interface PhimoeLayer {
  inputNorm: Tensor; //      [D]
  inputNormBias: Tensor; //  [D]
  qkv: PackedMatrix; //      [(H + 2K)·dh, D]   rows: q heads, k heads, v heads
  qkvBias?: Tensor; //       [(H + 2K)·dh]
  o: PackedMatrix; //        [D, H·dh]
  oBias?: Tensor; //         [D]
  postNorm: Tensor; //       [D]
  postNormBias: Tensor; //   [D]
  router: PackedMatrix; //   [E, D]             always f32
  experts: Expert[]; //      E of them
}

interface Expert {
  gateUp: PackedMatrix; //   [2F, D]            rows: gate, up
  down: PackedMatrix; //     [D, F]
}

/** The tensors of a checkpoint, by their published names; q_proj, k_proj and v_proj become one matrix, w1 (gate) and w3 (up) of an expert, too. */
function phimoeWeights(c: PhiConfig): WeightSpec[] {
  const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads: K, headDim: dh } = c;
  const { count: E, chosen } = c.experts as Experts;
  const layers: WeightSpec[] = [];
  for (let i = 0; i < c.layers; i++) {
    const at = `model.layers.${i}`;
    const mixture = `${at}.block_sparse_moe`;
    const bias = (weights: WeightSpec[]) => (c.attentionBias ? weights : weights.filter((spec) => !spec.vector));
    layers.push(
      vector(`${at}.input_layernorm.weight`, i, "inputNorm", D),
      vector(`${at}.input_layernorm.bias`, i, "inputNormBias", D),
      ...bias(biased(`${at}.self_attn.qkv_proj`, i, "qkv", (H + 2 * K) * dh, D)).map((spec) =>
        joined(spec, [
          ["q_proj", H * dh],
          ["k_proj", K * dh],
          ["v_proj", K * dh],
        ]),
      ),
      ...bias(biased(`${at}.self_attn.o_proj`, i, "o", D, H * dh)),
      vector(`${at}.post_attention_layernorm.weight`, i, "postNorm", D),
      vector(`${at}.post_attention_layernorm.bias`, i, "postNormBias", D),
      { ...matrix(`${mixture}.gate.weight`, i, "router", E, D), exact: true },
    );
    for (let e = 0; e < E; e++) {
      const expert = `${mixture}.experts.${e}`;
      const gateUp = joined(matrix(`${expert}.gate_up_proj.weight`, i, `experts.${e}.gateUp`, 2 * F, D), [
        ["w1", F],
        ["w3", F],
      ]);
      const down = matrix(`${expert}.w2.weight`, i, `experts.${e}.down`, D, F);
      layers.push({ ...gateUp, use: chosen / E }, { ...down, use: chosen / E });
    }
  }
  return modelWeights(c, layers, { norm: "model.norm", normBias: true, headBias: c.headBias });
}

type Own = "scores" | "chosen" | "shares" | "tokens" | "weights" | "rows" | "gateUp" | "ff" | "mixed";

/** Of the router, for each token: scores, the experts chosen and their shares; of one expert: its tokens, their weights and their rows. */
function phimoeBuffers({ hiddenSize: D, intermediateSize: F, experts }: PhiConfig): Buffers<Own> {
  const { count: E, chosen } = experts as Experts;
  return {
    ...{ scores: E, chosen: ["i32", chosen], shares: chosen },
    ...{ tokens: ["i32", 1], weights: 1, rows: D, gateUp: 2 * F, ff: F, mixed: D },
  };
}

type PhimoeScratch = Scratch<Own>;

/** x [T, D] += attention(norm(x)); x += mixture(norm(x)). */
function phimoeLayer(k: Kernels, c: PhiConfig, w: PhimoeLayer, s: PhimoeScratch, kv: KVLayer, start: number): void {
  attention(k, c, w, s, kv, start);
  k.add(s.x, s.x, s.h);
  mixture(k, c, w, s);
  k.add(s.x, s.x, s.own.mixed);
}

/** h [T, D] = o · attention(rope(qkv · norm(x))). */
function attention(k: Kernels, c: PhiConfig, w: PhimoeLayer, s: PhimoeScratch, kv: KVLayer, start: number): void {
  const T = s.x.shape[0];
  const heads = c.heads + c.kvHeads; // queries and keys turn, values do not
  k.layernorm(s.h, s.x, w.inputNorm, w.inputNormBias, c.normEps); //               [T, D]
  project(k, s, s.qkv.reshape([T, w.qkv.rows]), s.h, w.qkv, w.qkvBias); //         [T, (H + 2K)·dh]
  k.rope(s.qkv, heads, s.cos, s.sin); //                                           first R dims of each head
  k.storeKV(kv, s.qkv, start); //                                                  positions start … start + T - 1
  k.attention(s.attn, s.qkv, kv, start, c.slidingWindow, 1 / Math.sqrt(c.headDim)); // [T, H, dh]
  project(k, s, s.h, s.attn.reshape([T, w.o.cols]), w.o, w.oBias); //              [T, D]
}

/** mixed [T, D] = Σ share · expert(norm(x)) over the two experts of each token: expert by expert, the lowest first, with all its tokens. */
function mixture(k: Kernels, c: PhiConfig, w: PhimoeLayer, s: PhimoeScratch): void {
  const { scores, chosen, shares, mixed } = s.own;
  const { count: E, jitter } = c.experts as Experts;
  k.layernorm(s.h, s.x, w.postNorm, w.postNormBias, c.normEps); //                 [T, D]
  project(k, s, scores, s.h, w.router); //                                         [T, E]
  sparsemixer(chosen.data as Int32Array, shares.f32, scores.f32, E, jitter); //    [T, 2] each
  mixed.f32.fill(0);
  for (let e = 0; e < E; e++) {
    const n = gather(s, e);
    if (n > 0) expert(k, w.experts[e], s, n); // the weights of an expert that nobody chose are not touched
  }
}

/** The tokens that chose expert e, and its share for each. @returns how many they are */
function gather({ own }: PhimoeScratch, e: number): number {
  const [chosen, shares] = [own.chosen.data, own.shares.f32];
  const [tokens, weights] = [own.tokens.data, own.weights.f32];
  let n = 0;
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i] !== e) continue;
    tokens[n] = i >> 1;
    weights[n++] = shares[i];
  }
  return n;
}

/** mixed [T, D] += weights · down · (silu(gate) · up), for the n rows of h that `tokens` names. */
function expert(k: Kernels, w: Expert, s: PhimoeScratch, n: number): void {
  const of = (name: Own) => s.own[name].rows(0, n);
  const [tokens, weights] = [of("tokens").reshape([n]), of("weights").reshape([n])];
  const [rows, gateUp, ff] = [of("rows"), of("gateUp"), of("ff")];
  k.embed(rows, tokens, asMatrix(s.h)); //           [n, D]
  project(k, s, gateUp, rows, w.gateUp); //          [n, 2F]
  k.swiglu(ff, gateUp); //                           [n, F]
  project(k, s, rows, ff, w.down); //                [n, D]
  k.addRows(s.own.mixed, tokens, rows, weights);
}

/** A tensor [T, D] as a table to take rows from. */
function asMatrix({ arena, ptr, byteLength, shape: [rows, cols] }: Tensor): PackedMatrix {
  return { format: "f32", rows, cols, arena, ptr, byteLength };
}
