import { closeSync, openSync, writeSync } from "node:fs";
import type { ConfigJson } from "../../scripts/checkpoint/presets.ts";
import { LETTERS } from "./vocabulary.ts";

// A GGUF file of a phi3 model with random weights, as llama.cpp and its like read it. Format: ggml's docs/gguf.md; blocks: ggml-common.h.

const ALIGNMENT = 32;

/** ggml's type numbers, weights and bytes of a block. A block begins with its f16 scale, and Q4_K's with an f16 minimum behind it. */
const TYPES = {
  F32: { id: 0, weights: 1, bytes: 4 },
  Q4_0: { id: 2, weights: 32, bytes: 18 },
  Q4_K: { id: 12, weights: 256, bytes: 144 },
} as const;
export type GgufFormat = "Q4_0" | "Q4_K";

/** Scales at which random nibbles have about the spread of a fresh model's weights, 0.02: f16 bits without their fraction, which is random. */
const SCALE_BITS = { Q4_0: [7 << 10], Q4_K: [2 << 10, 5 << 10] };

interface TensorInfo {
  name: string;
  /** [outputs, inputs], or [size] */
  shape: readonly number[];
  type: keyof typeof TYPES;
}

export function phi3Gguf(config: ConfigJson, format: GgufFormat): { tensors: TensorInfo[]; metadata: Metadata } {
  const n = (key: string) => config[key] as number;
  const [D, F, V, H, K] = [
    "hidden_size",
    "intermediate_size",
    "vocab_size",
    "num_attention_heads",
    "num_key_value_heads",
  ].map(n);
  const dh = D / H;
  const R = dh * ((config.partial_rotary_factor as number | undefined) ?? 1);
  const layer = (i: number): TensorInfo[] => [
    { name: `blk.${i}.attn_norm.weight`, shape: [D], type: "F32" },
    { name: `blk.${i}.attn_qkv.weight`, shape: [(H + 2 * K) * dh, D], type: format },
    { name: `blk.${i}.attn_output.weight`, shape: [D, H * dh], type: format },
    { name: `blk.${i}.ffn_norm.weight`, shape: [D], type: "F32" },
    { name: `blk.${i}.ffn_up.weight`, shape: [2 * F, D], type: format },
    { name: `blk.${i}.ffn_down.weight`, shape: [D, F], type: format },
  ];
  const rope = config.rope_scaling as { long_factor: number[] } | null;
  const factors: TensorInfo[] = ["long", "short"].map((name) => ({
    name: `rope_factors_${name}.weight`,
    shape: [R / 2],
    type: "F32",
  }));
  const tensors: TensorInfo[] = [
    { name: "token_embd.weight", shape: [V, D], type: format },
    ...(rope ? factors : []),
    ...Array.from({ length: n("num_hidden_layers") }, (_, i) => layer(i)).flat(),
    { name: "output_norm.weight", shape: [D], type: "F32" },
    ...(config.tie_word_embeddings ? [] : [{ name: "output.weight", shape: [V, D], type: format } as const]),
  ];
  const metadata: Metadata = [
    ["general.architecture", "string", "phi3"],
    ["general.name", "string", "random weights"],
    ["phi3.context_length", "u32", n("max_position_embeddings")],
    ["phi3.rope.scaling.original_context_length", "u32", n("original_max_position_embeddings")],
    ["phi3.embedding_length", "u32", D],
    ["phi3.feed_forward_length", "u32", F],
    ["phi3.block_count", "u32", n("num_hidden_layers")],
    ["phi3.attention.head_count", "u32", H],
    ["phi3.attention.head_count_kv", "u32", K],
    ["phi3.attention.layer_norm_rms_epsilon", "f32", config.rms_norm_eps as number],
    ["phi3.attention.sliding_window", "u32", n("max_position_embeddings")],
    ["phi3.rope.dimension_count", "u32", R],
    ["phi3.rope.freq_base", "f32", config.rope_theta as number],
    ["general.file_type", "u32", format === "Q4_0" ? 2 : 14],
    ...tokenizer(V),
  ];
  return { tensors, metadata };
}

/** A vocabulary whose only words are bytes and letters, so that a text of n letters is n tokens. */
function tokenizer(V: number): Metadata {
  const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];
  const tokens = ["<unk>", "<s>", "</s>"];
  const types = [UNKNOWN, CONTROL, CONTROL];
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    types.push(BYTE);
  }
  for (const letter of LETTERS) tokens.push(letter);
  while (tokens.length < V) tokens.push(`word${tokens.length}`);
  while (types.length < V) types.push(NORMAL);
  return [
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.scores", "f32s", tokens.map(() => 0)],
    ["tokenizer.ggml.token_type", "i32s", types],
    ["tokenizer.ggml.bos_token_id", "u32", 1],
    ["tokenizer.ggml.eos_token_id", "u32", 2],
    ["tokenizer.ggml.unknown_token_id", "u32", 0],
    ["tokenizer.ggml.add_bos_token", "bool", false],
    ["tokenizer.ggml.add_space_prefix", "bool", false],
  ];
}

type Metadata = (
  | [string, "u32", number]
  | [string, "f32", number]
  | [string, "bool", boolean]
  | [string, "string", string]
  | [string, "strings", string[]]
  | [string, "f32s", number[]]
  | [string, "i32s", number[]]
)[];

/** Bytes that grow, little endian. */
class Bytes {
  readonly #parts: Buffer[] = [];
  length = 0;

  put(part: Buffer): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }
  number(write: "writeUInt32LE" | "writeInt32LE" | "writeFloatLE", value: number): this {
    const part = Buffer.alloc(4);
    part[write](value);
    return this.put(part);
  }
  u32(value: number): this {
    return this.number("writeUInt32LE", value);
  }
  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    return this.put(part);
  }
  string(text: string): this {
    const part = Buffer.from(text);
    return this.u64(part.length).put(part);
  }
  get whole(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const ids = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 };

function header(tensors: readonly TensorInfo[], metadata: Metadata): Buffer {
  const bytes = new Bytes().put(Buffer.from("GGUF")).u32(3).u64(tensors.length).u64(metadata.length);
  for (const [key, type, value] of metadata) {
    bytes.string(key);
    if (type === "u32") bytes.u32(ids.u32).u32(value);
    else if (type === "f32") bytes.u32(ids.f32).number("writeFloatLE", value);
    else if (type === "bool") bytes.u32(ids.bool).put(Buffer.from([value ? 1 : 0]));
    else if (type === "string") bytes.u32(ids.string).string(value);
    else if (type === "strings") {
      bytes.u32(ids.array).u32(ids.string).u64(value.length);
      for (const text of value) bytes.string(text);
    } else {
      const [id, write] = type === "f32s" ? ([ids.f32, "writeFloatLE"] as const) : ([ids.i32, "writeInt32LE"] as const);
      bytes.u32(ids.array).u32(id).u64(value.length);
      const numbers = Buffer.alloc(4 * value.length);
      for (const [i, v] of value.entries()) numbers[write](v, 4 * i);
      bytes.put(numbers);
    }
  }
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    bytes.string(name).u32(shape.length);
    for (const size of shape.toReversed()) bytes.u64(size);
    bytes.u32(TYPES[type].id).u64(offset);
    offset += aligned(bytesOf(shape, type));
  }
  return bytes.put(Buffer.alloc(aligned(bytes.length) - bytes.length)).whole;
}

const aligned = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

function bytesOf(shape: readonly number[], type: TensorInfo["type"]): number {
  const { weights, bytes } = TYPES[type];
  return (shape.reduce((a, b) => a * b, 1) / weights) * bytes;
}

/** About 4 MiB of random blocks, which every matrix repeats: other weights would take no other time. */
function randomBlocks(format: GgufFormat): Buffer {
  const { bytes } = TYPES[format];
  const data = Buffer.alloc(Math.floor((4 << 20) / bytes) * bytes);
  let state = 0x9e3779b9;
  for (let at = 0; at + 4 <= data.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data.writeInt32LE(state, at);
  }
  for (let at = 0; at < data.length; at += bytes) {
    for (const [i, bits] of SCALE_BITS[format].entries()) {
      const place = at + 2 * i;
      // Of Q4_0 half of all scales are negative; K's minima are not.
      const random = data.readUInt16LE(place) & (format === "Q4_0" ? 0x83ff : 0x3ff);
      data.writeUInt16LE(random | bits, place);
    }
  }
  return data;
}

/** Writes the file; returns its bytes. */
export function writeGguf(path: string, config: ConfigJson, format: GgufFormat): number {
  const { tensors, metadata } = phi3Gguf(config, format);
  const blocks = randomBlocks(format);
  const file = openSync(path, "w");
  let total = 0;
  const write = (data: Buffer) => {
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
    total += data.length;
  };
  try {
    write(header(tensors, metadata));
    for (const { shape, type } of tensors) {
      const size = bytesOf(shape, type);
      if (type === "F32") write(Buffer.from(new Float32Array(size / 4).fill(1).buffer));
      else
        for (let left = size; left > 0; left -= blocks.length) write(blocks.subarray(0, Math.min(left, blocks.length)));
      write(Buffer.alloc(aligned(size) - size));
    }
  } finally {
    closeSync(file);
  }
  return total;
}
