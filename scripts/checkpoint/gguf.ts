import { parseConfig } from "../../src/model/parse-config.ts";
import type { WeightSpec } from "../../src/model/weights.ts";
import { GGML_TYPES, type GgmlType } from "../../src/quant/ggml/index.ts";
import type { Sink } from "../../src/source/index.ts";
import { f32ToF16 } from "../../src/tensor/index.ts";
import { type MakeOptions, weightsOf } from "./make.ts";
import { seedOf, xorshift128 } from "./normal.ts";
import type { Preset } from "./presets.ts";

/** Kinds of files, by the types of their matrices as llama.cpp's quantizer chooses them for phi3. */
export const GGUF_KINDS = ["Q4_0", "Q8_0", "Q4_K_M"] as const;
export type GgufKind = (typeof GGUF_KINDS)[number];

const ALIGNMENT = 32;
const PIECE = 2 ** 20;

/** Numbers of the types in a file. */
const NUMBER: Partial<Record<GgmlType, number>> = { F32: 0, Q4_0: 2, Q8_0: 8, Q4_K: 12, Q5_K: 13, Q6_K: 14 };

/** llama.cpp's names. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\.(\d+)\.input_layernorm/, "blk.$1.attn_norm"],
  [/^model\.layers\.(\d+)\.self_attn\.qkv_proj/, "blk.$1.attn_qkv"],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj/, "blk.$1.attn_output"],
  [/^model\.layers\.(\d+)\.post_attention_layernorm/, "blk.$1.ffn_norm"],
  [/^model\.layers\.(\d+)\.mlp\.gate_up_proj/, "blk.$1.ffn_up"],
  [/^model\.layers\.(\d+)\.mlp\.down_proj/, "blk.$1.ffn_down"],
];

/** Q4_K_M: Q5_K for fused attention, Q6_K for the output layer and for ffn_down of half of the layers, which llama.cpp spreads. */
function typeOf({ slot, vector, place }: WeightSpec, kind: GgufKind, layers: number, tied: boolean): GgmlType {
  if (vector) return "F32";
  if (kind !== "Q4_K_M") return kind;
  if (slot === "head" || (slot === "embed" && tied)) return "Q6_K";
  const i = Number(place);
  const more = i < layers / 8 || i >= (7 * layers) / 8 || (i - Math.floor(layers / 8)) % 3 === 2;
  return slot === "qkv" ? "Q5_K" : slot === "down" && more ? "Q6_K" : "Q4_K";
}

/**
 * Writes a GGUF file of random blocks with the sizes of a phi3 model, without a vocabulary: weights of about the standard deviation 0.02, norms 1. Blocks
 * repeat after a megabyte, since it is the sizes that matter.
 * @returns its bytes
 */
export async function makeGguf(
  sink: Sink,
  { config }: Preset,
  kind: GgufKind,
  { seed = 0, onProgress }: MakeOptions = {},
): Promise<number> {
  const c = parseConfig(config);
  if (c.modelType !== "phi3") throw new Error("GGUF files of random weights are of phi3 models only");
  const tensors = weightsOf(config).map((spec) => {
    const type = typeOf(spec, kind, c.layers, c.tiedEmbeddings);
    const rule = NAMES.find(([hub]) => hub.test(spec.name)) as [RegExp, string];
    const { block, bytes } = GGML_TYPES[type];
    const axes = spec.vector ? [spec.cols] : [spec.cols, spec.rows];
    return {
      name: spec.name.replace(...rule),
      type,
      axes,
      bytes: ((spec.rows * spec.cols) / block) * bytes,
      factors: [] as number[],
    };
  });
  for (const set of ["long", "short"] as const) {
    const factors = c.longrope?.[`${set}Factor`];
    if (factors)
      tensors.push({
        name: `rope_factors_${set}.weight`,
        type: "F32",
        axes: [factors.length],
        bytes: factors.length * 4,
        factors,
      });
  }
  const u32: [string, number][] = [
    ["context_length", c.contextLength],
    ["embedding_length", c.hiddenSize],
    ["feed_forward_length", c.intermediateSize],
    ["block_count", c.layers],
    ["attention.head_count", c.heads],
    ["attention.head_count_kv", c.kvHeads],
    ["attention.sliding_window", c.slidingWindow],
    ["rope.dimension_count", c.rotaryDim],
    ["rope.scaling.original_context_length", c.longrope?.originalContext ?? c.contextLength],
  ];
  const f32: [string, number][] = [
    ["attention.layer_norm_rms_epsilon", c.normEps],
    ["rope.freq_base", c.ropeTheta],
  ];
  const header = new Header()
    .text("GGUF", false)
    .number(3, 4)
    .number(tensors.length, 8)
    .number(1 + u32.length + f32.length, 8);
  header.text("general.architecture").number(8, 4).text("phi3");
  for (const [key, n] of u32) header.text(`phi3.${key}`).number(4, 4).number(n, 4);
  for (const [key, x] of f32)
    header
      .text(`phi3.${key}`)
      .number(6, 4)
      .bytes(new Uint8Array(Float32Array.of(x).buffer));
  let offset = 0;
  for (const { name, type, axes, bytes } of tensors) {
    header.text(name).number(axes.length, 4);
    for (const n of axes) header.number(n, 8);
    header.number(NUMBER[type] as number, 4).number(offset, 8);
    offset += bytes + padding(bytes);
  }
  const file = await sink.create(`model-${kind}.gguf`);
  let written = 0;
  const total = header.length + padding(header.length) + offset;
  const write = async (bytes: Uint8Array, tensor: string) => {
    await file.write(bytes);
    written += bytes.length;
    onProgress?.({ written, total, tensor });
  };
  await write(header.bytes(new Uint8Array(padding(header.length))).done(), "header");
  const pieces = new Map<GgmlType, Uint8Array>();
  for (const { name, type, bytes, factors } of tensors) {
    const piece =
      factors.length > 0
        ? new Uint8Array(Float32Array.from(factors).buffer)
        : (pieces.get(type) ?? randomBlocks(type, seed));
    if (factors.length === 0) pieces.set(type, piece);
    for (let at = 0; at < bytes; at += piece.length)
      await write(piece.subarray(0, Math.min(piece.length, bytes - at)), name);
    if (padding(bytes) > 0) await write(new Uint8Array(padding(bytes)), name);
  }
  await file.close();
  return total;
}

const padding = (bytes: number): number => -bytes & (ALIGNMENT - 1);

/** About a megabyte of blocks; of F32 ones. */
function randomBlocks(type: GgmlType, seed: number): Uint8Array {
  const { bytes } = GGML_TYPES[type];
  const out = new Uint8Array(Math.floor(PIECE / bytes) * bytes);
  if (type === "F32") return new Uint8Array(new Float32Array(PIECE / 4).fill(1).buffer);
  const next = xorshift128(seedOf(seed, type));
  for (let i = 0; i < out.length; i++) out[i] = next();
  // [byte of an f16, its value]: integers times this have about the standard deviation 0.02.
  const scales: Partial<Record<GgmlType, [number, number][]>> = {
    Q4_0: [[0, 0.0043]],
    Q8_0: [[0, 0.00027]],
    Q4_K: [
      [0, 0.00012],
      [2, 0.0009],
    ],
    Q5_K: [
      [0, 0.00006],
      [2, 0.0009],
    ],
    Q6_K: [[208, 0.000015]],
  };
  for (let block = 0; block < out.length; block += bytes) {
    for (const [at, value] of scales[type] ?? []) {
      const bits = f32ToF16(value);
      out[block + at] = bits & 255;
      out[block + at + 1] = bits >> 8;
    }
  }
  return out;
}

/** Bytes of a header, little endian. */
class Header {
  #bytes: number[] = [];
  get length(): number {
    return this.#bytes.length;
  }
  number(n: number, size: 4 | 8): this {
    for (let i = 0; i < size; i++) this.#bytes.push(Math.floor(n / 2 ** (8 * i)) & 255);
    return this;
  }
  bytes(bytes: Uint8Array): this {
    this.#bytes.push(...bytes);
    return this;
  }
  text(text: string, counted = true): this {
    const bytes = new TextEncoder().encode(text);
    return (counted ? this.number(bytes.length, 8) : this).bytes(bytes);
  }
  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
