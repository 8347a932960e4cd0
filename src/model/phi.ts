/**
 * HF model_type `phi`: Phi-1, Phi-1.5 and Phi-2 (HF PhiDecoderLayer, PhiAttention, PhiMLP). One LayerNorm feeds attention and MLP side by side;
 * every linear layer has a bias.
 *
 * Letters: T new tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn, V vocabulary.
 */
import type { Tell } from "../faults.ts";
import type { Kernels, KVLayer } from "../kernels/kernels.ts";
import { REST } from "../kernels/rest.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, Buffers } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import { flag, type Json, type Keys, sharedKeys } from "./config-keys.ts";
import { project } from "./project.ts";
import type { Scratch } from "./scratch.ts";
import { biased, joined, modelWeights, vector, type WeightSpec } from "./weights.ts";

export const phi: Architecture = {
  modelType: "phi",
  models: "Phi-1, Phi-1.5, Phi-2",
  classes: ["PhiForCausalLM"],
  config: phiConfig,
  weights: phiWeights,
  buffers: phiBuffers,
  layer: phiLayer,
  kernels: REST,
};

/** Defaults of HF PhiConfig. */
const KEYS: Keys = {
  neutral: { hidden_act: ["gelu_new"], sliding_window: [null] },
  normEps: "layer_norm_eps",
  contextLength: 2048,
  rope: { theta: 10000, partial: 0.5 },
};

function phiConfig(raw: Json, file: string, tell?: Tell): PhiConfig {
  return { ...sharedKeys(raw, file, "phi", KEYS, tell), qkNorm: flag(raw, "qk_layernorm", file) };
}

/** One decoder layer. */
interface PhiLayer {
  norm: Tensor; //          [D]
  normBias: Tensor; //      [D]
  qkv: PackedMatrix; //     [(H + 2K)·dh, D]   rows: q heads, k heads, v heads
  qkvBias: Tensor; //       [(H + 2K)·dh]
  qNorm?: Tensor; //        [dh]               for all heads alike; where the config has qk_layernorm
  qNormBias?: Tensor; //    [dh]
  kNorm?: Tensor; //        [dh]
  kNormBias?: Tensor; //    [dh]
  dense: PackedMatrix; //   [D, H·dh]
  denseBias: Tensor; //     [D]
  fc1: PackedMatrix; //     [F, D]
  fc1Bias: Tensor; //       [F]
  fc2: PackedMatrix; //     [D, F]
  fc2Bias: Tensor; //       [D]
}

/** The tensors of a checkpoint, by their published names; q_proj, k_proj and v_proj become one matrix. */
function phiWeights(c: PhiConfig): WeightSpec[] {
  const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads: K, headDim: dh } = c;
  const qkv = [
    ["q_proj", H * dh],
    ["k_proj", K * dh],
    ["v_proj", K * dh],
  ] as const;
  const layers: WeightSpec[] = [];
  for (let i = 0; i < c.layers; i++) {
    const at = `model.layers.${i}`;
    layers.push(
      vector(`${at}.input_layernorm.weight`, i, "norm", D),
      vector(`${at}.input_layernorm.bias`, i, "normBias", D),
      ...biased(`${at}.self_attn.qkv_proj`, i, "qkv", (H + 2 * K) * dh, D).map((spec) => joined(spec, qkv)),
      ...(c.qkNorm
        ? (["q", "k"] as const).flatMap((x) => [
            vector(`${at}.self_attn.${x}_layernorm.weight`, i, `${x}Norm`, dh),
            vector(`${at}.self_attn.${x}_layernorm.bias`, i, `${x}NormBias`, dh),
          ])
        : []),
      ...biased(`${at}.self_attn.dense`, i, "dense", D, H * dh),
      ...biased(`${at}.mlp.fc1`, i, "fc1", F, D),
      ...biased(`${at}.mlp.fc2`, i, "fc2", D, F),
    );
  }
  return modelWeights(c, layers, { norm: "model.final_layernorm", normBias: true, headBias: true });
}

/** `y` [T, D]: what attention gives, while the MLP still needs the normed input. */
function phiBuffers({ hiddenSize: D, intermediateSize: F }: PhiConfig): Buffers<"y" | "ff"> {
  return { y: D, ff: F };
}

type PhiScratch = Scratch<"y" | "ff">;

/** x [T, D] += attention(norm(x)) + mlp(norm(x)). */
function phiLayer(k: Kernels, c: PhiConfig, w: PhiLayer, s: PhiScratch, kv: KVLayer, start: number): void {
  const { y } = s.own;
  k.layernorm(s.h, s.x, w.norm, w.normBias, c.normEps); //                         [T, D]
  attention(k, c, w, s, kv, start);
  mlp(k, w, s);
  k.add(s.h, y, s.h);
  k.add(s.x, s.h, s.x);
}

/** y [T, D] = dense · attention(rope(qkv · h)), with h the normed input. */
function attention(k: Kernels, c: PhiConfig, w: PhiLayer, s: PhiScratch, kv: KVLayer, start: number): void {
  const T = s.x.shape[0];
  const { y } = s.own;
  const heads = c.heads + c.kvHeads; // queries and keys turn, values do not
  project(k, s, s.qkv.reshape([T, w.qkv.rows]), s.h, w.qkv, w.qkvBias); //         [T, (H + 2K)·dh]
  if (c.qkNorm) normHeads(k, c, w, s);
  k.rope(s.qkv, heads, s.cos, s.sin); //                                           first R dims of each head
  k.storeKV(kv, s.qkv, start); //                                                  positions start … start + T - 1
  k.attention(s.attn, s.qkv, kv, start, 0, 1 / Math.sqrt(c.headDim)); //           [T, H, dh]
  project(k, s, y, s.attn.reshape([T, w.dense.cols]), w.dense, w.denseBias); //    [T, D]
}

/** LayerNorm of each head of the queries and of the keys, token by token, in place. */
function normHeads(k: Kernels, { heads: H, kvHeads: K, normEps }: PhiConfig, w: PhiLayer, s: PhiScratch): void {
  const [T, n, dh] = s.qkv.shape;
  for (let t = 0; t < T; t++) {
    const token = s.qkv.rows(t, t + 1).reshape([n, dh]); // [H + 2K, dh]
    const [q, keys] = [token.rows(0, H), token.rows(H, H + K)];
    k.layernorm(q, q, w.qNorm as Tensor, w.qNormBias as Tensor, normEps);
    k.layernorm(keys, keys, w.kNorm as Tensor, w.kNormBias as Tensor, normEps);
  }
}

/** h [T, D] = fc2 · gelu(fc1 · h). */
function mlp(k: Kernels, w: PhiLayer, s: PhiScratch): void {
  const { ff } = s.own;
  project(k, s, ff, s.h, w.fc1, w.fc1Bias); //       [T, F]
  k.gelu(ff, ff, "tanh"); //                         gelu_new
  project(k, s, s.h, ff, w.fc2, w.fc2Bias); //       [T, D]
}
