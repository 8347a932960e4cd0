import {
  type ShardEntry,
  type Sink,
  type WrittenShards,
  writeShardedSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { architectureOf } from "../../src/model/every-architecture.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import type { WeightSpec } from "../../src/model/weights.ts";
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

/** The weights that a checkpoint of this config has. @throws ConfigError for what `loadPhi` would refuse */
export function weightsOf(json: ConfigJson): WeightSpec[] {
  const config = parseConfig(json);
  return architectureOf(config).weights(config);
}

/**
 * The same as tensors by their published names: q_proj, k_proj and v_proj for what is one matrix in memory. Phi-3's are published as one; that they
 * are read in parts, too, is for copies that were saved as Llama.
 */
export function tensorsOf(json: ConfigJson): { name: string; shape: number[] }[] {
  const whole = json.model_type === "phi3";
  return weightsOf(json).flatMap(({ name, rows, cols, vector, parts }) =>
    ((!whole && parts) || [{ name, rows: vector ? cols : rows }]).map((part) => {
      return { name: part.name, shape: vector ? [part.rows] : [part.rows, cols] };
    }),
  );
}

/**
 * Writes config.json, generation_config.json and weights as if a model of this config had just been initialized: matrices and the embedding
 * normal with `initializer_range` (0.02), norms 1, biases 0. Equal input gives equal bytes on every engine. A few MB of memory, whatever the model's size.
 * @throws ConfigError before anything is written
 */
export async function makeCheckpoint(
  sink: Sink,
  { config, generation }: Preset,
  options: MakeOptions = {},
): Promise<WrittenShards> {
  const { seed = 0, dtype = dtypeOf(config), maxShardBytes, onProgress } = options;
  const tensors = tensorsOf(config);
  const normal = new NormalWeights(dtype, Number(config.initializer_range ?? 0.02));
  const entries = tensors.map(({ name, shape }): ShardEntry => {
    const n = shape.reduce((size, d) => size * d, 1);
    const bytes = n * (dtype === "f32" ? 4 : 2);
    const data = shape.length === 1 ? vectorOf(dtype, name, n) : () => normal.pieces(bytes, seedOf(seed, name));
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

/** Ones, or zeros for a bias. */
export function vectorOf(dtype: WeightDType, name: string, n: number): ArrayBufferView {
  const values = new Float32Array(n).fill(name.endsWith(".bias") ? 0 : 1);
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
