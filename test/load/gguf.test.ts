import { openGguf } from "../../src/formats/gguf/index.ts";
import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { FormatError, loadPhi, type Phi } from "../../src/index.ts";
import { bytesSource } from "../../src/source/index.ts";
import { f32ToF16 } from "../../src/tensor/index.ts";
import { readJson } from "../fixtures.ts";
import { craft, f32, type Tensor, text, u32, type Value } from "../formats/gguf/craft.ts";
import { goldenFolder, goldenSource } from "../golden.ts";
import { type Engine, suite } from "../harness.ts";

/** A tensor's name in llama.cpp by Hugging Face's. Source: gguf-py/gguf/tensor_mapping.py, for Phi's models. */
const NAMES: readonly (readonly [hub: RegExp, gguf: string])[] = [
  [/^model\.embed_tokens\./, "token_embd."],
  [/^model\.(final_layernorm|norm)\./, "output_norm."],
  [/^lm_head\./, "output."],
  [/^model\.layers\.(\d+)\.input_layernorm\./, "blk.$1.attn_norm."],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\./, "blk.$1.attn_$2."],
  [/^model\.layers\.(\d+)\.self_attn\.(dense|o_proj)\./, "blk.$1.attn_output."],
  [/^model\.layers\.(\d+)\.post_attention_layernorm\./, "blk.$1.ffn_norm."],
  [/^model\.layers\.(\d+)\.mlp\.fc1\./, "blk.$1.ffn_up."],
  [/^model\.layers\.(\d+)\.mlp\.fc2\./, "blk.$1.ffn_down."],
  [/^model\.layers\.(\d+)\.block_sparse_moe\.gate\./, "blk.$1.ffn_gate_inp."],
  [/^model\.layers\.(\d+)\.block_sparse_moe\.experts\.\d+\.w1\./, "blk.$1.ffn_gate_exps."],
  [/^model\.layers\.(\d+)\.block_sparse_moe\.experts\.\d+\.w2\./, "blk.$1.ffn_down_exps."],
  [/^model\.layers\.(\d+)\.block_sparse_moe\.experts\.\d+\.w3\./, "blk.$1.ffn_up_exps."],
];

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Rows of Q8_0, by ggml's rule: d = max / 127. */
function q8(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 32) * 34);
  for (let g = 0; g < values.length / 32; g++) {
    const group = values.subarray(32 * g, 32 * g + 32);
    const d = group.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / 127;
    const bits = f32ToF16(d);
    out.set([bits & 255, bits >> 8, ...Array.from(group, (v) => Math.round(v / d) & 255)], 34 * g);
  }
  return out;
}

type Json = Record<string, number> & { rope_parameters: Record<string, number & number[]> };

interface Made {
  gguf: Uint8Array<ArrayBuffer>;
  /** Names in llama.cpp's file. */
  names: string[];
  config: Json;
}

/** A golden checkpoint as llama.cpp's converter writes it, in float32; matrices that `quantize` says in Q8_0. */
async function made(engine: Engine, name: "phi-2" | "phi-3.5-moe", quantize: (name: string) => boolean): Promise<Made> {
  const config = await readJson<Json>(engine, `${goldenFolder(name)}/config.json`);
  const files = await openSafetensors(goldenSource(engine, name));
  const found = new Map<string, Tensor>();
  for (const info of [...files.tensors.values()].sort((a, b) =>
    a.name.localeCompare(b.name, "en", { numeric: true }),
  )) {
    const rule = NAMES.find(([hub]) => hub.test(info.name));
    if (!rule) throw new Error(info.name);
    const to = info.name.replace(...(rule as [RegExp, string]));
    const values = await files.toFloat32(info.name);
    const blocks = quantize(to);
    const data = blocks ? q8(values) : bytesOf(values);
    const before = found.get(to);
    const axes = [...info.shape].reverse();
    if (!to.includes("_exps")) found.set(to, { name: to, axes, type: blocks ? 8 : 0, data });
    else {
      const all = new Uint8Array((before?.data.length ?? 0) + data.length);
      all.set(before?.data ?? []);
      all.set(data, all.length - data.length);
      found.set(to, {
        name: to,
        axes: [...axes, ((before?.axes[2] as number) ?? 0) + 1],
        type: blocks ? 8 : 0,
        data: all,
      });
    }
  }
  const arch = name === "phi-2" ? "phi2" : "phimoe";
  const { rope_parameters: rope } = config;
  const dims = Math.trunc(
    (config.hidden_size / config.num_attention_heads) * ((rope.partial_rotary_factor as number) ?? 1),
  );
  const metadata: [string, Value][] = [
    ["general.architecture", text(arch)],
    [`${arch}.context_length`, u32(config.max_position_embeddings)],
    [`${arch}.embedding_length`, u32(config.hidden_size)],
    [`${arch}.feed_forward_length`, u32(config.intermediate_size)],
    [`${arch}.block_count`, u32(config.num_hidden_layers)],
    [`${arch}.attention.head_count`, u32(config.num_attention_heads)],
    [`${arch}.attention.head_count_kv`, u32(config.num_key_value_heads)],
    [`${arch}.rope.dimension_count`, u32(dims)],
  ];
  if (arch === "phi2") metadata.push(["phi2.attention.layer_norm_epsilon", f32(config.layer_norm_eps)]);
  else {
    metadata.push(
      ["phimoe.attention.layer_norm_rms_epsilon", f32(config.rms_norm_eps)],
      ["phimoe.rope.freq_base", f32(rope.rope_theta)],
      ["phimoe.rope.scaling.original_context_length", u32(rope.original_max_position_embeddings)],
      ["phimoe.rope.scaling.attn_factor", f32(1.19)],
      ["phimoe.attention.sliding_window", u32(config.sliding_window)],
      ["phimoe.expert_count", u32(config.num_local_experts)],
      ["phimoe.expert_used_count", u32(2)],
    );
    for (const kind of ["long", "short"] as const) {
      const data = bytesOf(Float32Array.from(rope[`${kind}_factor`] as number[]));
      found.set(kind, { name: `rope_factors_${kind}.weight`, axes: [data.length / 4], type: 0, data });
    }
  }
  return { gguf: craft({ metadata, tensors: [...found.values()] }), names: [...found.keys()], config };
}

/** The same weights as safetensors, as the GGUF file's reader gives them. */
async function reference(
  engine: Engine,
  name: "phi-2" | "phi-3.5-moe",
  config: Json,
  values: (hub: string) => Float32Array | undefined,
) {
  const files = await openSafetensors(goldenSource(engine, name));
  const tensors: Record<string, TensorData> = {};
  for (const { name, shape } of files.tensors.values())
    tensors[name] = { dtype: "F32", shape: [...shape], data: values(name) ?? (await files.toFloat32(name)) };
  const json = new TextEncoder().encode(JSON.stringify(config));
  return bytesSource({ "config.json": json, "model.safetensors": writeSafetensors(tensors) });
}

const IDS = Array.from({ length: 40 }, (_, i) => (i * 37 + 5) % 320);

async function logits(phi: Phi): Promise<Float32Array> {
  const out = await phi.forward(IDS, { logits: "all" });
  await phi.dispose();
  return out;
}

suite("load/gguf", ({ test, assert, engine }) => {
  const exact = { weights: "f32", activations: "f32" } as const;

  test("phi2, as llama.cpp's converter writes it: the very logits of the checkpoint that it was made of", async () => {
    const { gguf, config } = await made(engine, "phi-2", () => false);
    const own = await logits(await loadPhi(await reference(engine, "phi-2", config, () => undefined), exact));
    assert.deepEqual(await logits(await loadPhi(gguf, exact)), own);
    // Floats stay floats where activations are, without being told.
    assert.deepEqual(await logits(await loadPhi(gguf, { activations: "f32" })), own);
  });

  test("phimoe, experts in one tensor: the very logits of the checkpoint, with Phi-3.5-MoE's scale of LongRoPE, which a notice states", async () => {
    const { gguf, config } = await made(engine, "phi-3.5-moe", () => false);
    Object.assign(config.rope_parameters, { short_mscale: 1.243163121016122, long_mscale: 1.243163121016122 });
    const own = await logits(await loadPhi(await reference(engine, "phi-3.5-moe", config, () => undefined), exact));
    const phi = await loadPhi(gguf, exact);
    assert.deepEqual(
      phi.notices.map(({ code }) => code),
      ["rope_scale"],
    );
    assert.deepEqual(await logits(phi), own);
  });

  test("query, key and value of several kinds of blocks are one matrix, each in its own format; other matrices stay blocks", async () => {
    const { gguf, config } = await made(engine, "phi-2", (n) => /attn_q\.weight|ffn_up\.weight/.test(n));
    const phi = await loadPhi(gguf, { activations: "f32" });
    assert.deepEqual(
      phi.notices.map(({ code }) => code),
      [],
    );
    const int8 = await loadPhi(gguf);
    assert.deepEqual(
      int8.notices.map(({ code, message }) => [code, /F32/.test(message)]),
      [["rounded_weights", true]],
    );
    assert.ok(int8.memory.weights < phi.memory.weights / 2, "nothing of it is f32");
    const file = await openGguf(gguf);
    const dequantized = new Map<string, Float32Array>();
    for (const hub of [0, 1].flatMap((i) => [
      `model.layers.${i}.self_attn.q_proj.weight`,
      `model.layers.${i}.mlp.fc1.weight`,
    ])) {
      const rule = NAMES.find(([from]) => from.test(hub)) as [RegExp, string];
      dequantized.set(hub, await file.toFloat32(hub.replace(...rule)));
    }
    const own = await loadPhi(await reference(engine, "phi-2", config, (name) => dequantized.get(name)), exact);
    assert.deepEqual(await logits(phi), await logits(own));
  });

  test("a part of blocks that are not read is refused by name", async () => {
    const { gguf } = await made(engine, "phi-2", (n) => /attn_v\.weight/.test(n));
    const name = new TextEncoder().encode("blk.1.attn_v.weight");
    const at = gguf.findIndex((_, i) => name.every((b, k) => gguf[i + k] === b));
    new DataView(gguf.buffer).setUint32(at + name.length + 4 + 16, 9, true); // Q8_1
    await assert.rejects(loadPhi(gguf), FormatError, /Q8_1|shorter/);
  });
});
