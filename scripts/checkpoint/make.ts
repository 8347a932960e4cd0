import { ConfigError } from "../../src/errors.ts";
import {
  type ShardEntry,
  type Sink,
  type WrittenShards,
  writeShardedSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { fromF32 } from "../../src/tensor/index.ts";
import { NormalWeights, seedOf, type WeightDType } from "./normal.ts";
import type { ConfigJson, Preset } from "./presets.ts";

export interface MakeOptions {
  /** Default 0. */
  seed?: number;
  /** Default: the config's torch_dtype or dtype, else bf16. */
  dtype?: WeightDType;
  /** Default 5e9, Hugging Face's. */
  maxShardBytes?: number;
  onProgress?: (progress: { written: number; total: number; tensor: string }) => void;
}

/**
 * The tensors of a phi3-type model, in the order of transformers' Phi3ForCausalLM. D hidden, F ffn, V vocab, H heads, K key/value heads, dh head dim.
 * @throws ConfigError for another model type, and for sizes that do not go together
 */
export function phi3Tensors(config: ConfigJson): { name: string; shape: number[] }[] {
  if (config.model_type !== "phi3") {
    throw new ConfigError({
      what: "no synthetic checkpoint of this model_type",
      got: config.model_type,
      expected: "phi3",
    });
  }
  const size = (key: string, fallback?: number): number => {
    const n = config[key] ?? fallback;
    if (typeof n === "number" && Number.isInteger(n) && n > 0) return n;
    throw new ConfigError({ what: `config.json: ${key}`, got: n, expected: "a positive whole number" });
  };
  const D = size("hidden_size");
  const F = size("intermediate_size");
  const V = size("vocab_size");
  const H = size("num_attention_heads");
  const K = size("num_key_value_heads", H);
  const dh = size("head_dim", D / H);
  if (H % K !== 0) throw new ConfigError({ what: "heads must be a multiple of key/value heads", got: `${H} and ${K}` });
  checkFactors(config, dh);

  const layer = (i: number) =>
    [
      { name: "self_attn.o_proj.weight", shape: [D, H * dh] },
      { name: "self_attn.qkv_proj.weight", shape: [(H + 2 * K) * dh, D] }, // q, then k, then v
      { name: "mlp.gate_up_proj.weight", shape: [2 * F, D] }, // gate, then up
      { name: "mlp.down_proj.weight", shape: [D, F] },
      { name: "input_layernorm.weight", shape: [D] },
      { name: "post_attention_layernorm.weight", shape: [D] },
    ].map((t) => ({ ...t, name: `model.layers.${i}.${t.name}` }));
  return [
    { name: "model.embed_tokens.weight", shape: [V, D] },
    ...Array.from({ length: size("num_hidden_layers") }, (_, i) => layer(i)).flat(),
    { name: "model.norm.weight", shape: [D] },
    ...(config.tie_word_embeddings ? [] : [{ name: "lm_head.weight", shape: [V, D] }]),
  ];
}

/** LongRoPE has one factor for each pair of rotary dimensions. */
function checkFactors(config: ConfigJson, dh: number): void {
  const rope = (config.rope_parameters ?? config.rope_scaling ?? {}) as ConfigJson;
  const partial = Number(rope.partial_rotary_factor ?? config.partial_rotary_factor ?? 1);
  const pairs = Math.floor(dh * partial) / 2;
  for (const key of ["short_factor", "long_factor"]) {
    const list = rope[key];
    if (list === undefined || (Array.isArray(list) && list.length === pairs)) continue;
    const got = Array.isArray(list) ? list.length : list;
    throw new ConfigError({
      what: `config.json: ${key} does not fit head dim ${dh}`,
      got,
      expected: `${pairs} factors`,
    });
  }
}

/**
 * Writes config.json, generation_config.json and weights as if a model of this config had just been initialized: matrices and the embedding
 * normal with `initializer_range` (0.02), norms 1. Equal input gives equal bytes on every engine. A few MB of memory, whatever the model's size.
 * @throws ConfigError before anything is written
 */
export async function makeCheckpoint(
  sink: Sink,
  { config, generation }: Preset,
  options: MakeOptions = {},
): Promise<WrittenShards> {
  const { seed = 0, dtype = dtypeOf(config), maxShardBytes, onProgress } = options;
  const tensors = phi3Tensors(config);
  const normal = new NormalWeights(dtype, Number(config.initializer_range ?? 0.02));
  const entries = tensors.map(({ name, shape }): ShardEntry => {
    const n = shape.reduce((size, d) => size * d, 1);
    const bytes = n * (dtype === "f32" ? 4 : 2);
    const data = shape.length === 1 ? ones(dtype, n) : () => normal.pieces(bytes, seedOf(seed, name));
    return { name, dtype: dtype.toUpperCase() as "BF16" | "F16" | "F32", shape, data };
  });
  const torch = { bf16: "bfloat16", f16: "float16", f32: "float32" }[dtype];
  await writeJson(sink, "config.json", { ...config, ["dtype" in config ? "dtype" : "torch_dtype"]: torch });
  await writeJson(sink, "generation_config.json", generation);
  return writeShardedSafetensors(sink, entries, { maxShardBytes, metadata: { format: "pt" }, onProgress });
}

function dtypeOf(config: ConfigJson): WeightDType {
  const name = config.dtype ?? config.torch_dtype;
  return name === "float32" ? "f32" : name === "float16" ? "f16" : "bf16";
}

function ones(dtype: WeightDType, n: number): ArrayBufferView {
  const values = new Float32Array(n).fill(1);
  if (dtype === "f32") return values;
  const bits = new Uint16Array(n);
  fromF32(dtype, values, bits);
  return bits;
}

async function writeJson(sink: Sink, name: string, value: ConfigJson): Promise<void> {
  const file = await sink.create(name);
  await file.write(new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
  await file.close();
}
