// One decoder layer of a Phi model, computed by hand from tensors and kernels:
//   npx tsx --conditions=phi-ts-source examples/one-layer.ts
// Letters: T tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createKernels, KV_BLOCK, pack } from "phi-ts/kernels";
import { openSafetensors } from "phi-ts/safetensors";
import { arange, defaultArena, type Tensor, tensor, zeros } from "phi-ts/tensor";

/** The residual stream [T, D] after layer 0, of the phi3-type checkpoint (without LongRoPE) in `folder`. */
export async function firstLayer(folder: string, ids: readonly number[]): Promise<Tensor> {
  const config = JSON.parse(await readFile(`${folder}/config.json`, "utf8"));
  const { hidden_size: D, num_attention_heads: H, num_key_value_heads: K, intermediate_size: F } = config;
  const { rope_theta: theta, partial_rotary_factor: part = 1 } = config.rope_parameters;
  const [T, dh, eps] = [ids.length, D / H, config.rms_norm_eps];
  const half = (dh * part) / 2; // R / 2

  const file = await openSafetensors(folder);
  const vector = async (name: string) => tensor(await file.toFloat32(`model.layers.0.${name}.weight`));
  const matrix = async (name: string, inputs: number) =>
    pack(tensor(await file.toFloat32(`model.${name}.weight`)).reshape([-1, inputs]), "f32");

  const k = createKernels(defaultArena());
  const x = zeros([T, D]);
  k.embed(x, tensor(ids, { dtype: "i32" }), await matrix("embed_tokens", D));

  // x += o · attention(rope(qkv · norm(x)))
  const h = zeros([T, D]);
  k.rmsnorm(h, x, await vector("input_layernorm"), eps);
  const qkv = zeros([T, H + 2 * K, dh]); // heads of queries, keys, values
  k.linear(qkv.reshape([T, -1]), h, await matrix("layers.0.self_attn.qkv_proj", D));
  const angles = ids.map((_, t) => Array.from({ length: half }, (_, i) => t / theta ** (i / half)));
  k.rope(qkv, H + K, tensor(angles.map((row) => row.map(Math.cos))), tensor(angles.map((row) => row.map(Math.sin))));
  const blocks = Math.ceil(T / KV_BLOCK);
  const pool = () => zeros([K, blocks, KV_BLOCK, dh]);
  const cache = { k: pool(), v: pool(), table: arange(blocks, { dtype: "i32" }) };
  k.storeKV(cache, qkv, 0);
  const attended = zeros([T, H, dh]);
  k.attention(attended, qkv, cache, 0, config.sliding_window ?? 0, 1 / Math.sqrt(dh));
  k.linear(h, attended.reshape([T, -1]), await matrix("layers.0.self_attn.o_proj", H * dh));
  k.add(x, x, h);

  // x += down · swiglu(gate_up · norm(x))
  k.rmsnorm(h, x, await vector("post_attention_layernorm"), eps);
  const gateUp = zeros([T, 2 * F]);
  k.linear(gateUp, h, await matrix("layers.0.mlp.gate_up_proj", D));
  const act = zeros([T, F]);
  k.swiglu(act, gateUp);
  k.linear(h, act, await matrix("layers.0.mlp.down_proj", F));
  k.add(x, x, h);
  await file.close();
  return x;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await firstLayer("models/phi-tiny", [1, 2, 3, 4]));
