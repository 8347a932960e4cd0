import { type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { loadPhi, type Phi } from "../../src/index.ts";
import { dequantizeGgml, GGML_TYPES, type GgmlFormat } from "../../src/quant/ggml/index.ts";
import { bytesSource } from "../../src/source/index.ts";
import { f32ToF16 } from "../../src/tensor/index.ts";
import { craft, f32, type Tensor, text, u32, type Value } from "../formats/gguf/craft.ts";
import { suite } from "../harness.ts";
import { randomFloats, randomSource } from "../random.ts";

/** Kinds of blocks: ggml's number, the bytes of a block at which f16 scales stand, and a scale that makes weights of about 0.05. */
const KINDS: Partial<Record<GgmlFormat, [type: number, scales: readonly number[], scale: number]>> = {
  Q4_0: [2, [0], 0.01],
  Q4_1: [3, [0, 2], 0.01],
  Q5_0: [6, [0], 0.005],
  Q5_1: [7, [0, 2], 0.005],
  Q8_0: [8, [0], 0.0008],
  Q2_K: [10, [80, 82], 0.003],
  Q3_K: [11, [108], 0.001],
  Q4_K: [12, [0, 2], 0.0002],
  Q5_K: [13, [0, 2], 0.0001],
  Q6_K: [14, [208], 0.00005],
  IQ4_NL: [20, [0], 0.0008],
  IQ4_XS: [23, [0], 0.00003],
};

const [D, F, V, LAYERS] = [256, 512, 64, 3];

/** Matrices of a model of phi by their names in llama.cpp: in Hugging Face's model, and [rows, columns]. */
const MATRICES: Record<string, [hub: string, rows: number, cols: number]> = {
  token_embd: ["model.embed_tokens", V, D],
  output: ["lm_head", V, D],
};
const VECTORS: Record<string, [hub: string, size: number]> = {
  "output_norm.weight": ["model.final_layernorm.weight", D],
  "output_norm.bias": ["model.final_layernorm.bias", D],
  "output.bias": ["lm_head.bias", V],
};
for (let i = 0; i < LAYERS; i++) {
  for (const [name, hub, rows, cols] of [
    ["attn_q", "self_attn.q_proj", D, D],
    ["attn_k", "self_attn.k_proj", D, D],
    ["attn_v", "self_attn.v_proj", D, D],
    ["attn_output", "self_attn.dense", D, D],
    ["ffn_up", "mlp.fc1", F, D],
    ["ffn_down", "mlp.fc2", D, F],
  ] as const) {
    MATRICES[`blk.${i}.${name}`] = [`model.layers.${i}.${hub}`, rows, cols];
    VECTORS[`blk.${i}.${name}.bias`] = [`model.layers.${i}.${hub}.bias`, rows];
  }
  for (const part of ["weight", "bias"])
    VECTORS[`blk.${i}.attn_norm.${part}`] = [`model.layers.${i}.input_layernorm.${part}`, D];
}

/** A model whose matrices are random blocks of these kinds in turn, as a GGUF file, and dequantized as a folder; and the bytes of its blocks. */
function modelOf(kinds: readonly GgmlFormat[]) {
  const tensors: Tensor[] = [];
  const floats: Record<string, TensorData> = {};
  const next = randomSource(7);
  let [turn, blockBytes] = [0, 0];
  for (const [name, [hub, rows, cols]] of Object.entries(MATRICES)) {
    const kind = kinds[turn++ % kinds.length];
    const { block, bytes } = GGML_TYPES[kind];
    const [type, scales, scale] = KINDS[kind] as [number, readonly number[], number];
    const data = Uint8Array.from({ length: ((rows * cols) / block) * bytes }, () => Math.floor(next() * 256));
    for (let at = 0; at < data.length; at += bytes) {
      for (const [i, place] of scales.entries()) {
        // A minimum that is added is below zero, for weights about zero.
        const added = i === 1 && block === 32 ? -8 : 1;
        const bits = f32ToF16(scale * (0.5 + next()) * added);
        data.set([bits & 255, bits >> 8], at + place);
      }
    }
    const values = new Float32Array(rows * cols);
    dequantizeGgml(kind, data, values);
    tensors.push({ name: `${name}.weight`, axes: [cols, rows], type, data });
    floats[`${hub}.weight`] = { dtype: "F32", shape: [rows, cols], data: values };
    blockBytes += data.length;
  }
  for (const [i, [name, [hub, size]]] of Object.entries(VECTORS).entries()) {
    const ones = name.includes("norm.weight") ? 1 : 0;
    const data = randomFloats(100 + i, size, 0.1).map((v) => v + ones);
    tensors.push({ name, axes: [size], type: 0, data: new Uint8Array(data.buffer) });
    floats[hub] = { dtype: "F32", shape: [size], data };
  }
  const metadata: [string, Value][] = [
    ["general.architecture", text("phi2")],
    ["phi2.context_length", u32(64)],
    ["phi2.embedding_length", u32(D)],
    ["phi2.feed_forward_length", u32(F)],
    ["phi2.block_count", u32(LAYERS)],
    ["phi2.attention.head_count", u32(4)],
    ["phi2.attention.head_count_kv", u32(4)],
    ["phi2.rope.dimension_count", u32(32)],
    ["phi2.attention.layer_norm_epsilon", f32(1e-5)],
  ];
  const config = {
    ...{ model_type: "phi", hidden_size: D, intermediate_size: F, num_hidden_layers: LAYERS, vocab_size: V },
    ...{ num_attention_heads: 4, num_key_value_heads: 4, partial_rotary_factor: 0.5, rope_theta: 10000 },
    ...{ layer_norm_eps: 1e-5, hidden_act: "gelu_new", max_position_embeddings: 64, tie_word_embeddings: false },
    ...{ eos_token_id: 1, qk_layernorm: false },
  };
  const folder = bytesSource({
    "config.json": new TextEncoder().encode(JSON.stringify(config)),
    "model.safetensors": writeSafetensors(floats),
  });
  return { gguf: craft({ metadata, tensors }), folder, blockBytes };
}

const IDS = Array.from({ length: 13 }, (_, i) => (i * 37 + 5) % V);

async function logits(phi: Phi): Promise<Float32Array> {
  const out = await phi.forward(IDS, { logits: "all" });
  await phi.dispose();
  return out;
}

suite("load/block-formats", ({ test, assert }) => {
  const wide = (phi: Phi) => phi.notices.filter(({ code }) => code === "wide_weights");
  const every = Object.keys(KINDS) as GgmlFormat[];
  for (const kinds of [...every.map((kind) => [kind]), every]) {
    const what = kinds.length > 1 ? "all kinds in one file, q, k and v of three" : kinds[0];
    test(`${what}: with f32 activations the very logits of the dequantized weights; as loaded by default within 0.05 of their root mean square, and nothing is held as f32`, async () => {
      const { gguf, folder, blockBytes } = modelOf(kinds);
      const own = await logits(await loadPhi(folder, { weights: "f32", activations: "f32" }));
      const exact = await loadPhi(gguf, { activations: "f32" });
      assert.deepEqual(wide(exact), []);
      assert.deepEqual(await logits(exact), own);
      const phi = await loadPhi(gguf);
      assert.deepEqual(wide(phi), []);
      assert.atMost(phi.memory.weights, 2.1 * blockBytes + 65536); // Q2_K and IQ4_NL, of 2.6 and 4.5 bits, take 4.75 and 8.5
      let [off, all] = [0, 0];
      for (const [i, v] of (await logits(phi)).entries()) {
        off += (v - own[i]) ** 2;
        all += own[i] ** 2;
      }
      assert.atMost(Math.sqrt(off / all), 0.05);
    });
  }
});
