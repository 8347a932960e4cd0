import { writeFileSync } from "node:fs";
import type { ConfigJson } from "../../scripts/checkpoint/presets.ts";
import { Message } from "./protobuf.ts";

// An ONNX file of a phi3 model with random weights, of the operators that onnxruntime's own model builder uses for 4 bits: MatMulNBits (blocks
// of 32, an f32 scale each) and GroupQueryAttention with its rotation. Fields: onnx/onnx.proto; operators: onnxruntime's docs/ContribOperators.md.

const FLOAT = 1;
const UINT8 = 2;
const INT32 = 6;
const INT64 = 7;
const MICROSOFT = "com.microsoft";

/** Nodes, weights, inputs and outputs (GraphProto). */
class Graph {
  readonly #graph = new Message().string(2, "phi3");
  #names = 0;

  /** Adds an operation; returns the name of its first output. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | { f: number }>> = {},
    { domain = "", outputs = [`v${this.#names++}`] }: { domain?: string; outputs?: string[] } = {},
  ): string {
    const node = new Message();
    for (const input of inputs) node.string(1, input);
    for (const output of outputs) node.string(2, output);
    node.string(4, type).string(7, domain);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new Message().string(1, name);
      if (typeof value === "number") attribute.int(3, value).int(20, 2);
      else attribute.float(2, value.f).int(20, 1);
      node.message(5, attribute);
    }
    this.#graph.message(1, node);
    return outputs[0];
  }

  /** Adds a constant; returns its name. */
  weight(dtype: number, shape: readonly number[], data: Buffer): string {
    const name = `w${this.#names++}`;
    const tensor = new Message();
    for (const size of shape) tensor.int(1, size);
    this.#graph.message(5, tensor.int(2, dtype).string(8, name).bytes(9, data));
    return name;
  }

  input(name: string, dtype: number, shape: readonly (number | string)[]): string {
    this.#graph.message(11, valueInfo(name, dtype, shape));
    return name;
  }
  output(name: string, dtype: number, shape: readonly (number | string)[]): string {
    this.#graph.message(12, valueInfo(name, dtype, shape));
    return name;
  }

  get model(): Buffer {
    const version = (domain: string, number: number) => new Message().string(1, domain).int(2, number);
    const model = new Message().int(1, 9).message(7, this.#graph);
    return model.message(8, version("", 18)).message(8, version(MICROSOFT, 1)).whole;
  }
}

function valueInfo(name: string, dtype: number, shape: readonly (number | string)[]): Message {
  const dims = new Message();
  for (const size of shape) {
    dims.message(1, typeof size === "number" ? new Message().int(1, size) : new Message().string(2, size));
  }
  return new Message()
    .string(1, name)
    .message(2, new Message().message(1, new Message().int(1, dtype).message(2, dims)));
}

let state = 0x9e3779b9;
function random(bytes: number): Buffer {
  const data = Buffer.alloc(Math.ceil(bytes / 4) * 4);
  for (let at = 0; at < data.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data.writeInt32LE(state, at);
  }
  return data.subarray(0, bytes);
}

const floats = (n: number, of: (i: number) => number): Buffer =>
  Buffer.from(Float32Array.from({ length: n }, (_, i) => of(i)).buffer);
const int64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};

/** Writes a model of one table of rotations: not for LongRoPE. */
export function writeOnnx(path: string, config: ConfigJson): void {
  const n = (key: string) => config[key] as number;
  const [D, F, V, H, K] = [
    "hidden_size",
    "intermediate_size",
    "vocab_size",
    "num_attention_heads",
    "num_key_value_heads",
  ].map(n);
  const dh = D / H;
  const graph = new Graph();
  const eps = { epsilon: { f: config.rms_norm_eps as number } };
  const norm = () =>
    graph.weight(
      FLOAT,
      [D],
      floats(D, () => 1),
    );
  /** x · Wᵀ, W [N, C] of 4 bits. */
  const linear = (x: string, N: number, C: number) => {
    const nibbles = graph.weight(UINT8, [N, C / 32, 16], random((N * C) / 2));
    const scales = graph.weight(
      FLOAT,
      [(N * C) / 32],
      floats((N * C) / 32, (i) => 0.004 + (i % 7) * 1e-4),
    );
    const sizes = { N, K: C, bits: 4, block_size: 32, accuracy_level: 4 };
    return graph.node("MatMulNBits", [x, nibbles, scales], sizes, { domain: MICROSOFT });
  };

  const S = n("max_position_embeddings");
  const angle = (i: number) => Math.floor(i / (dh / 2)) * n("rope_theta") ** ((-2 * (i % (dh / 2))) / dh);
  const cos = graph.weight(
    FLOAT,
    [S, dh / 2],
    floats((S * dh) / 2, (i) => Math.cos(angle(i))),
  );
  const sin = graph.weight(
    FLOAT,
    [S, dh / 2],
    floats((S * dh) / 2, (i) => Math.sin(angle(i))),
  );
  const ids = graph.input("input_ids", INT64, [1, "T"]);
  const seqlens = graph.input("seqlens_k", INT32, [1]);
  const total = graph.input("total_sequence_length", INT32, []);
  const table = graph.weight(
    FLOAT,
    [V, D],
    floats(V * D, (i) => ((i * 7919) % 101) / 1000 - 0.05),
  );

  let x = graph.node("Gather", [table, ids]); // [1, T, D]
  let h = graph.node("SimplifiedLayerNormalization", [x, norm()], { axis: 2, ...eps });
  for (let i = 0; i < n("num_hidden_layers"); i++) {
    const past = ["key", "value"].map((kv) => graph.input(`past.${i}.${kv}`, FLOAT, [1, K, "P", dh]));
    const present = ["key", "value"].map((kv) => graph.output(`present.${i}.${kv}`, FLOAT, [1, K, "S", dh]));
    const qkv = linear(h, (H + 2 * K) * dh, D);
    const heads = { num_heads: H, kv_num_heads: K, do_rotary: 1 };
    const attention = graph.node("GroupQueryAttention", [qkv, "", "", ...past, seqlens, total, cos, sin], heads, {
      domain: MICROSOFT,
      outputs: [`attention${i}`, ...present],
    });
    /** norm(x + y), and x + y */
    const addNorm = (y: string, name: string) => {
      const outputs = [`${name}${i}`, "", "", `${name}sum${i}`];
      h = graph.node("SkipSimplifiedLayerNormalization", [x, y, norm()], eps, { domain: MICROSOFT, outputs });
      x = outputs[3];
    };
    addNorm(linear(attention, D, H * dh), "postNorm");
    const gate = linear(h, F, D);
    const silu = graph.node("Mul", [gate, graph.node("Sigmoid", [gate])]);
    addNorm(linear(graph.node("Mul", [silu, linear(h, F, D)]), D, F), "norm");
  }
  // Logits of the last token only.
  const one = (value: number) => graph.weight(INT64, [1], int64(value));
  const last = graph.node("Slice", [h, one(-1), one(2 ** 31), one(1)]);
  const logits = linear(last, V, D);
  graph.node("Identity", [logits], {}, { outputs: [graph.output("logits", FLOAT, [1, 1, V])] });
  writeFileSync(path, graph.model);
  // What a page cannot see of it.
  writeFileSync(path.replace(/\.onnx$/, ".json"), JSON.stringify({ kvHeads: K, headDim: dh }));
}
