/**
 * HF model_type `phi3`: Phi-3, Phi-3.5, Phi-4, Phi-4-reasoning and Phi-4-mini (HF Phi3DecoderLayer, Phi3Attention, Phi3MLP).
 *
 * Letters: T new tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn, V vocabulary.
 */
import type { Kernels, KVLayer } from "../kernels/kernels.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, Buffers } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import { type Keys, sharedKeys } from "./config-keys.ts";
import { project } from "./project.ts";
import type { Scratch } from "./scratch.ts";
import { joined, matrix, modelWeights, vector, type WeightSpec } from "./weights.ts";

export const phi3: Architecture = {
  modelType: "phi3",
  models: "Phi-3, Phi-3.5, Phi-4, Phi-4-reasoning, Phi-4-mini",
  classes: ["Phi3ForCausalLM"],
  config: (raw, file, tell) => sharedKeys(raw, file, "phi3", PHI3_KEYS, tell),
  weights: phi3Weights,
  buffers: phi3Buffers,
  layer: phi3Layer,
};

/** Defaults of HF Phi3Config. */
export const PHI3_KEYS: Keys = {
  neutral: {
    hidden_act: ["silu", "swish"],
    attention_bias: [false, null],
    mlp_bias: [false, null],
    lm_head_bias: [false, null],
    qk_layernorm: [false, null],
    use_qk_norm: [false, null],
    num_local_experts: [null],
  },
  normEps: "rms_norm_eps",
  contextLength: 4096,
  rope: { theta: 10000, partial: 1 },
};

/** One decoder layer. */
interface Phi3Layer {
  inputNorm: Tensor; //     [D]
  qkv: PackedMatrix; //     [(H + 2K)·dh, D]   rows: q heads, k heads, v heads
  o: PackedMatrix; //       [D, H·dh]
  postNorm: Tensor; //      [D]
  gateUp: PackedMatrix; //  [2F, D]            rows: gate, up
  down: PackedMatrix; //    [D, F]
}

/**
 * The tensors of a checkpoint, by their published names. What is one matrix here may be several tensors, as tools that save a Phi as a Llama
 * have it: q_proj, k_proj and v_proj; gate_proj and up_proj.
 */
export function phi3Weights(c: PhiConfig): WeightSpec[] {
  const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads: K, headDim: dh } = c;
  const qkv = [
    ["q_proj", H * dh],
    ["k_proj", K * dh],
    ["v_proj", K * dh],
  ] as const;
  const gateUp = [
    ["gate_proj", F],
    ["up_proj", F],
  ] as const;
  const layers: WeightSpec[] = [];
  for (let i = 0; i < c.layers; i++) {
    const at = `model.layers.${i}`;
    layers.push(
      vector(`${at}.input_layernorm.weight`, i, "inputNorm", D),
      joined(matrix(`${at}.self_attn.qkv_proj.weight`, i, "qkv", (H + 2 * K) * dh, D), qkv),
      matrix(`${at}.self_attn.o_proj.weight`, i, "o", D, H * dh),
      vector(`${at}.post_attention_layernorm.weight`, i, "postNorm", D),
      joined(matrix(`${at}.mlp.gate_up_proj.weight`, i, "gateUp", 2 * F, D), gateUp),
      matrix(`${at}.mlp.down_proj.weight`, i, "down", D, F),
    );
  }
  return modelWeights(c, layers, { norm: "model.norm" });
}

export function phi3Buffers({ intermediateSize: F }: PhiConfig): Buffers<"gateUp" | "ff"> {
  return { gateUp: 2 * F, ff: F };
}

type Phi3Scratch = Scratch<"gateUp" | "ff">;

/** x [T, D] += attention(norm(x)); x += mlp(norm(x)). */
export function phi3Layer(k: Kernels, c: PhiConfig, w: Phi3Layer, s: Phi3Scratch, kv: KVLayer, start: number): void {
  attention(k, c, w, s, kv, start);
  k.add(s.x, s.x, s.h);
  mlp(k, c, w, s);
  k.add(s.x, s.x, s.h);
}

/** h [T, D] = o · attention(rope(qkv · norm(x))). */
function attention(k: Kernels, c: PhiConfig, w: Phi3Layer, s: Scratch, kv: KVLayer, start: number): void {
  const T = s.x.shape[0];
  const heads = c.heads + c.kvHeads; // queries and keys turn, values do not
  k.rmsnorm(s.h, s.x, w.inputNorm, c.normEps); //                                  [T, D]
  project(k, s, s.qkv.reshape([T, w.qkv.rows]), s.h, w.qkv); //                    [T, (H + 2K)·dh]
  k.rope(s.qkv, heads, s.cos, s.sin); //                                           first R dims of each head
  k.storeKV(kv, s.qkv, start); //                                                  positions start … start + T - 1
  k.attention(s.attn, s.qkv, kv, start, c.slidingWindow, 1 / Math.sqrt(c.headDim)); // [T, H, dh]
  project(k, s, s.h, s.attn.reshape([T, w.o.cols]), w.o); //                       [T, D]
}

/** h [T, D] = down · (silu(gate) · up), gate and up of norm(x). */
function mlp(k: Kernels, c: PhiConfig, w: Phi3Layer, s: Phi3Scratch): void {
  const { gateUp, ff } = s.own;
  k.rmsnorm(s.h, s.x, w.postNorm, c.normEps); //     [T, D]
  project(k, s, gateUp, s.h, w.gateUp); //           [T, 2F]
  k.swiglu(ff, gateUp); //                           [T, F]
  project(k, s, s.h, ff, w.down); //                 [T, D]
}
