// What a LoRA adapter at work costs: steps of a model of random q4 weights with and without one on every linear layer, in turn.
//   npm run bench -- adapters [--rank 16] [--preset phi-200m]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PRESETS } from "../scripts/checkpoint/presets.ts";
import { withAdapters } from "../src/core/adapter-sources.ts";
import { type TensorData, writeSafetensors } from "../src/formats/safetensors/index.ts";
import { loadModel } from "../src/load/load-model.ts";
import { openCheckpoint } from "../src/load-phi.ts";
import type { AdapterMix } from "../src/model/adapters.ts";
import { bytesSource } from "../src/source/index.ts";
import { randomFloats } from "../test/random.ts";
import { alternate, quantile } from "./alternate.ts";
import { OPTIONS } from "./args.ts";
import { checkpointOf, MODELS } from "./end-to-end/checkpoint.ts";

const { values } = parseArgs({
  args: [...OPTIONS],
  options: {
    rank: { type: "string", default: "16" },
    preset: { type: "string", default: "phi-200m" },
    rounds: { type: "string", default: "40" },
  },
});
const r = Number(values.rank);

/** An adapter of rank r for all linear layers of a phi3. */
function adapter(config: Record<string, unknown>) {
  const size = (key: string) => config[key] as number;
  const [D, F, H] = [size("hidden_size"), size("intermediate_size"), size("num_attention_heads")];
  const K = size("num_key_value_heads");
  const dh = D / H;
  const rows = { qkv_proj: (H + 2 * K) * dh, o_proj: D, gate_up_proj: 2 * F, down_proj: D };
  const cols = { qkv_proj: D, o_proj: D, gate_up_proj: D, down_proj: F };
  const tensors: Record<string, TensorData> = {};
  for (let layer = 0; layer < size("num_hidden_layers"); layer++) {
    for (const name of ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"] as const) {
      const at = `base_model.model.model.layers.${layer}.${/proj/.test(name) && /^(qkv|o)_/.test(name) ? "self_attn" : "mlp"}.${name}`;
      const factor = (shape: number[], seed: number): TensorData => {
        return { dtype: "F32", shape, data: randomFloats(seed, shape[0] * shape[1], 0.01) };
      };
      tensors[`${at}.lora_A.weight`] = factor([r, cols[name]], layer);
      tensors[`${at}.lora_B.weight`] = factor([rows[name], r], layer + 1);
    }
  }
  const json = new TextEncoder().encode(JSON.stringify({ peft_type: "LORA", r, lora_alpha: r }));
  return bytesSource({ "adapter_config.json": json, "adapter_model.safetensors": writeSafetensors(tensors) });
}

const file = join(MODELS, await checkpointOf(values.preset));
const folder = await openCheckpoint("bench", file);
const given = { random: adapter(PRESETS[values.preset].config) };
const { source, adapters } = await withAdapters("bench", folder, given, undefined);
const model = await loadModel(source, { adapters, contextSize: 256 });
const { decoder } = model;
const V = decoder.config.vocabSize;
const blocks = Array.from({ length: 256 / 32 }, (_, i) => i);
const at = (scale: number): AdapterMix => ({ key: `0*${scale}`, parts: [{ adapter: 0, scale }] });

const table: Record<string, string>[] = [];
for (const [what, T, start] of [
  ["prefill", 32, 0],
  ["decode", 1, 128],
] as const) {
  const ids = Array.from({ length: T }, (_, i) => (Math.imul(i + 1, 40503) >>> 1) % V);
  const step = (mix?: AdapterMix) => {
    const logits = new Float32Array(V);
    decoder.step({ ids, start, blocks, regime: "short", adapters: mix, logits });
    return logits;
  };
  const plain = step();
  if (step(at(1)).every((x, i) => x === plain[i])) throw new Error("the adapter changes nothing");
  if (!step().every((x, i) => Object.is(x, plain[i]))) throw new Error("it leaves other bits behind");
  const times = alternate({ without: () => void step(), with: () => void step(at(1)) }, Number(values.rounds));
  const [a, b] = [quantile(times.without, 0.5), quantile(times.with, 0.5)];
  const [fast, slow] = [quantile(times.without, 0.1), quantile(times.with, 0.1)];
  const more = (x: number, y: number) => `${(100 * (y / x - 1)).toFixed(1)} %`;
  table.push({
    step: `${what}, T ${T}`,
    "without ms": a.toFixed(2),
    "with ms": b.toFixed(2),
    "more (median)": more(a, b),
    "more (best tenth)": more(fast, slow),
  });
}
const [{ bytes }] = model.adapters;
console.log(
  `${values.preset}, q4, ${model.kernels}; rank ${r}: ${(bytes / 2 ** 20).toFixed(1)} MiB of ${(model.memory.weights / 2 ** 20).toFixed(0)}`,
);
console.table(table);
decoder.dispose();
