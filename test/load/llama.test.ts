import { openGguf } from "../../src/formats/gguf/index.ts";
import {
  openSafetensors,
  type Safetensors,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { hasPhiSizes, hasPhiTokens } from "../../src/formats/which-phi.ts";
import { ConfigError, estimate, FormatError, loadPhi, type PhiOptions } from "../../src/index.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { quantizeCheckpoint } from "../../src/quantize/index.ts";
import { bytesSink, bytesSource, type ListedSource } from "../../src/source/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { filesOf, readJson } from "../fixtures.ts";
import { craft, f32, type Tensor, text, texts, u32, type Value } from "../formats/gguf/craft.ts";
import { type Engine, suite, unless } from "../harness.ts";
import { maxAbs } from "../metrics.ts";

/** Made by test/fixtures/tools/llama.py. */
const FOLDER = "test/fixtures/llama/phi-4-as-llama";
const MISTRAL = "test/fixtures/llama/phi-3-as-mistral";

type Json = Record<string, unknown>;
type Edit = (config: Json) => Json;

const asIs: Edit = (config) => config;
const bytesOf = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

/** The checkpoint alone: config, edited, weights, and of the other files those that are asked for. */
async function checkpoint(engine: Engine, folder: string, edit = asIs, others: string[] = [], config = "config.json") {
  const files = await filesOf(engine, folder, (n) => n === "model.safetensors" || others.includes(n));
  files.set(
    "config.json",
    bytesOf(edit(await readJson<Json>(engine, `${folder}/${config}`))) as Uint8Array<ArrayBuffer>,
  );
  return bytesSource(files);
}

async function expectedOf(engine: Engine, file: string): Promise<{ ids: number[]; logits: Float32Array }> {
  const found = await openSafetensors(new Uint8Array(await engine.read(file)));
  return { ids: [...(await found.toFloat32("ids"))], logits: await found.toFloat32("logits") };
}

async function logitsOf(source: Parameters<typeof loadPhi>[0], ids: number[], options: PhiOptions) {
  const phi = await loadPhi(source, options);
  const logits = await phi.forward(ids, { logits: "all" });
  await phi.dispose();
  return logits;
}

const PARTS: readonly [string, readonly string[]][] = [
  ["qkv_proj", ["q_proj", "k_proj", "v_proj"]],
  ["gate_up_proj", ["gate_proj", "up_proj"]],
];

/** The same weights as Microsoft publishes them: fused, of model_type phi3. */
async function fused(source: ListedSource, config: Json, extra: readonly string[] = []): Promise<ListedSource> {
  const files: Safetensors = await openSafetensors(source);
  const tensors: Record<string, TensorData> = {};
  for (const { name, shape } of files.tensors.values()) {
    const data = new Uint16Array((await files.read(name)).buffer);
    const own = PARTS.find(([, parts]) => parts.some((part) => name.includes(part)));
    if (!own || extra.includes(name)) tensors[name] = { dtype: "BF16", shape: [...shape], data };
    if (!own || !name.includes(own[1][0])) continue;
    const [whole, parts] = own;
    const all: number[] = [];
    for (const part of parts) all.push(...new Uint16Array((await files.read(name.replace(parts[0], part))).buffer));
    const rows = all.length / shape[1];
    tensors[name.replace(parts[0], whole)] = { dtype: "BF16", shape: [rows, shape[1]], data: Uint16Array.from(all) };
  }
  const json = { ...config, model_type: "phi3", architectures: ["Phi3ForCausalLM"] };
  return bytesSource({ "config.json": bytesOf(json), "model.safetensors": writeSafetensors(tensors) });
}

suite("load/llama", async ({ test, assert, engine }) => {
  const exact = { weights: "f32" } as const;
  const { ids, logits } = await expectedOf(engine, `${FOLDER}/expected.safetensors`);
  const config = await readJson<Json>(engine, `${FOLDER}/config.json`);

  for (const name of ["config.json", "config.hub.json"]) {
    test(`a Phi-4 of type llama, ${name}: it loads as phi3, with logits within 3e-4 of LlamaForCausalLM's, and Phi-4's chat format and stop tokens`, async () => {
      const source = await checkpoint(engine, FOLDER, asIs, ["tokenizer.json"], name);
      const phi = await loadPhi(source, exact);
      assert.equal(phi.config.modelType, "phi3");
      assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 3e-4);
      assert.deepEqual(
        phi.stopTokens.map(({ id }) => id),
        [310, 312],
      );
      await phi.chat("Hi", { maxTokens: 1 }).result();
      await phi.dispose();
    });
  }

  test("the bits are those of the fused checkpoint in f32, q8, q4 and by default, and so are the bytes in memory", async () => {
    const split = await checkpoint(engine, FOLDER);
    const whole = await fused(split, config);
    for (const options of [exact, { weights: "q8" }, { weights: "q4", activations: "f32" }, {}] as const) {
      assert.deepEqual(await logitsOf(split, ids, options), await logitsOf(whole, ids, options));
      assert.deepEqual((await estimate(split, options)).memory, (await estimate(whole, options)).memory);
    }
  });

  test("a Phi-3 of type mistral: within 3e-4 of MistralForCausalLM's logits, window included", async () => {
    const expected = await expectedOf(engine, `${MISTRAL}/expected.safetensors`);
    const source = await checkpoint(engine, MISTRAL, asIs, ["tokenizer_config.json"]);
    const phi = await loadPhi(source, exact);
    assert.equal(phi.config.slidingWindow, 5);
    assert.atMost(maxAbs(await phi.forward(expected.ids, { logits: "all" }), expected.logits), 3e-4);
    await phi.dispose();
  });

  test("a GGUF file of architecture llama, bf16: the bits of the safetensors, though rows of q and k lie in another order; read in any pieces", async () => {
    const gguf = await engine.read(`${FOLDER}/model.BF16.gguf`);
    const own = await logitsOf(await checkpoint(engine, FOLDER), ids, exact);
    assert.deepEqual(await logitsOf(gguf, ids, exact), own);
    assert.deepEqual(await logitsOf(gguf, ids, { activations: "f32" }), own);
  });

  test("a GGUF file of architecture llama, Q4_0: within 3e-4 of the logits of its dequantized weights; ids, stop tokens and chat format are Phi-4's", async () => {
    const expected = await expectedOf(engine, `${FOLDER}/expected.Q4_0.safetensors`);
    const phi = await loadPhi(await engine.read(`${FOLDER}/model.Q4_0.gguf`), { activations: "f32" });
    assert.equal(phi.weights, "q4");
    assert.equal(phi.config.modelType, "phi3");
    assert.atMost(maxAbs(await phi.forward(expected.ids, { logits: "all" }), expected.logits), 3e-4);
    const hub = await loadTokenizer({ tokenizer: await readJson(engine, `${FOLDER}/tokenizer.json`) });
    for (const words of ["Hello there,  1234!", "a\n\n b<|im_end|>"])
      assert.deepEqual(phi.tokenizer?.encode(words), hub.encode(words));
    assert.deepEqual(
      phi.stopTokens.map(({ id }) => id),
      [310, 312],
    );
    await phi.chat("Hi", { maxTokens: 1 }).result();
    await phi.dispose();
  });

  const others =
    (theta: number): Edit =>
    (c) => ({ ...c, rope_parameters: { rope_type: "default", rope_theta: theta } });
  const refusal = async (work: Promise<unknown>) => {
    const error = (await assert.rejects(work, ConfigError, /llama.*nothing says that it is a Phi/)) as ConfigError;
    assert.equal(error.code, "architecture");
  };

  test("evidence: theta 250000 alone, or Phi-4's control tokens alone, in either file of the tokenizer; without any it is a ConfigError, before weights are read", async () => {
    const files = await filesOf(engine, FOLDER, (n) => n === "tokenizer.json");
    await estimate(await checkpoint(engine, FOLDER));
    await estimate(await checkpoint(engine, FOLDER, others(10000), ["tokenizer.json"]));
    const listed = (await checkpoint(engine, FOLDER, others(10000))) as ListedSource;
    const { added_tokens } = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))) as {
      added_tokens: { id: number }[];
    };
    const decoder = Object.fromEntries(added_tokens.map((token) => [token.id, token]));
    const opened: string[] = [];
    const only = (extra: Record<string, unknown>) => ({
      list: async () => [...(await listed.list()), ...Object.keys(extra)],
      open: (name: string) => {
        opened.push(name);
        return name in extra ? bytesSource({ [name]: bytesOf(extra[name]) }).open(name) : listed.open(name);
      },
    });
    await estimate(only({ "tokenizer_config.json": { added_tokens_decoder: decoder } }));
    opened.length = 0;
    await refusal(estimate(only({})));
    await refusal(
      loadPhi(only({ "tokenizer.json": { added_tokens: added_tokens.slice(0, 2) }, "tokenizer_config.json": [3] })),
    );
    assert.ok(!opened.includes("model.safetensors"), opened.join());
  });

  test("evidence: the sizes of each published Phi; Llama's and Mistral's own are none", () => {
    const sizes = (layers: number, hiddenSize: number, heads: number, kvHeads: number, intermediateSize: number) => ({
      ...{ layers, hiddenSize, heads, kvHeads, intermediateSize, ropeTheta: 10000 },
    });
    assert.ok(hasPhiSizes(sizes(32, 3072, 32, 32, 8192)));
    assert.ok(hasPhiSizes(sizes(40, 5120, 40, 10, 17920)));
    assert.ok(hasPhiSizes(sizes(32, 3072, 24, 8, 8192)));
    assert.ok(!hasPhiSizes(sizes(28, 3072, 24, 8, 8192))); // Llama-3.2-3B
    assert.ok(!hasPhiSizes(sizes(32, 4096, 32, 8, 14336))); // Llama-3.1-8B, Mistral-7B
    assert.ok(hasPhiTokens(["a", "<|end|>", "<|assistant|>", "<|user|>"]));
    assert.ok(!hasPhiTokens(["<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>"]));
  });

  test("what Llama's and Mistral's configs leave out: epsilon 1e-6, contexts of 2048 and 131072; Llama has no window, Mistral one of 4096", () => {
    const { rms_norm_eps, max_position_embeddings, ...rest } = config;
    const llama = parseConfig({ ...rest, sliding_window: 7 });
    assert.deepEqual([llama.normEps, llama.contextLength, llama.slidingWindow], [1e-6, 2048, 0]);
    const { sliding_window, ...mistral } = {
      ...rest,
      sliding_window: 1,
      model_type: "mistral",
      architectures: ["MistralForCausalLM"],
    };
    const { normEps, contextLength, slidingWindow } = parseConfig(mistral);
    assert.deepEqual([normEps, contextLength, slidingWindow], [1e-6, 131072, 4096]);
    assert.equal(parseConfig({ ...mistral, sliding_window: null }).slidingWindow, 0);
  });

  const bands = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 };
  const refused: [string, Json, RegExp][] = [
    [
      "llama3's scaling",
      { rope_scaling: { rope_type: "llama3", factor: 8, ...bands } },
      /scaling is not built; got "llama3"/,
    ],
    ["linear scaling", { rope_scaling: { type: "linear", factor: 2 } }, /scaling is not built; got "linear"/],
    ["dynamic scaling", { rope_scaling: { type: "dynamic", factor: 2 } }, /scaling is not built; got "dynamic"/],
    ["yarn", { rope_scaling: { rope_type: "yarn", factor: 2, beta_fast: 32 } }, /scaling is not built; got "yarn"/],
    [
      "heads that turn in part",
      { rope_parameters: { rope_theta: 250000, partial_rotary_factor: 0.5 } },
      /rotary.*got 8; expected 16/,
    ],
    ["biases around attention", { attention_bias: true }, /attention_bias/],
    ["biases in the MLP", { mlp_bias: true }, /mlp_bias/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act/],
    ["another class", { architectures: ["LlamaForSequenceClassification"] }, /LlamaForSequenceClassification/],
  ];
  for (const [what, change, message] of refused) {
    test(`of a Llama ${what} is refused by name`, async () => {
      const source = await checkpoint(engine, FOLDER, (c) => ({ ...c, ...change }));
      await assert.rejects(estimate(source), ConfigError, message);
    });
  }

  test("a packed file that is made of it has the bits of loading it, and is known by its sizes, theta or tokenizer as before", async () => {
    for (const edit of [asIs, others(10000)]) {
      const source = await checkpoint(engine, FOLDER, edit, ["tokenizer.json"]);
      const made = new Map<string, Uint8Array>();
      await quantizeCheckpoint(source, bytesSink(made), { fast: true });
      const packed = made.get("model.safetensors") as Uint8Array;
      assert.deepEqual(await logitsOf(packed, ids, {}), await logitsOf(source, ids, { weights: "q4" }));
    }
  });

  const inWorker = unless(engine.features.workers ? undefined : "no workers here", test);
  inWorker("in a worker the same is found out, and the bits are the same", async () => {
    const source = await checkpoint(engine, FOLDER, others(10000), ["tokenizer.json"]);
    assert.deepEqual(await logitsOf(source, ids, { worker: true }), await logitsOf(source, ids, {}));
    await refusal(loadPhi(await checkpoint(engine, FOLDER, others(10000)), { worker: true }));
  });

  test("phi3 may be split, too; a part beside the whole is refused", async () => {
    const split = await checkpoint(engine, FOLDER);
    const type = { model_type: "phi3", architectures: ["Phi3ForCausalLM"] };
    const phi3 = await checkpoint(engine, FOLDER, (c) => ({ ...c, ...type }));
    assert.deepEqual(await logitsOf(phi3, ids, {}), await logitsOf(split, ids, {}));
    const both = await fused(split, config, ["model.layers.1.self_attn.k_proj.weight"]);
    await assert.rejects(estimate(both), FormatError, /layers\.1\.self_attn\.k_proj\.weight: a part of .*qkv_proj/);
  });

  /** Metadata of a GGUF Llama without a vocabulary. */
  const llama = (over: Record<string, Value | undefined> = {}, tensors: Tensor[] = []) =>
    craft({
      metadata: Object.entries<Value | undefined>({
        "general.architecture": text("llama"),
        "llama.vocab_size": u32(320),
        "llama.context_length": u32(128),
        "llama.embedding_length": u32(64),
        "llama.feed_forward_length": u32(96),
        "llama.block_count": u32(2),
        "llama.attention.head_count": u32(4),
        "llama.attention.head_count_kv": u32(2),
        "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
        "llama.rope.freq_base": f32(250000),
        ...over,
      }).flatMap(([key, value]) => (value ? [[key, value] as const] : [])),
      tensors,
    });

  test("a GGUF Llama that is no Phi is a ConfigError, whatever its tokenizer; with Phi's sizes, theta or control tokens it goes on to its tensors", async () => {
    const other = { "llama.rope.freq_base": f32(500000) };
    await refusal(estimate(llama(other)));
    await refusal(
      estimate(
        llama({
          ...other,
          "tokenizer.ggml.model": text("gpt2"),
          "tokenizer.ggml.pre": text("tekken"),
          "tokenizer.ggml.tokens": texts(["<|im_start|>"]),
        }),
      ),
    );
    await assert.rejects(estimate(llama()), FormatError, /embed_tokens/);
    const sizes = [40, 5120, 40, 10, 17920].map(u32);
    const keys = [
      "block_count",
      "embedding_length",
      "attention.head_count",
      "attention.head_count_kv",
      "feed_forward_length",
    ];
    const phi4 = Object.fromEntries(keys.map((key, i) => [`llama.${key}`, sizes[i]]));
    await assert.rejects(estimate(llama({ ...other, ...phi4 })), FormatError, /embed_tokens/);
  });

  test("of a GGUF Llama scaled positions, experts and biases are refused by name", async () => {
    const tensor = (name: string, ...axes: number[]): Tensor => {
      return { name, axes, type: 0, data: new Uint8Array(4 * axes.reduce((a, b) => a * b)) };
    };
    await assert.rejects(estimate(llama({}, [tensor("rope_freqs.weight", 8)])), ConfigError, /"llama3"/);
    const linear = { "llama.rope.scaling.type": text("linear"), "llama.rope.scaling.factor": f32(4) };
    await assert.rejects(estimate(llama(linear)), ConfigError, /"linear"/);
    await assert.rejects(estimate(llama({ "llama.expert_count": u32(8) })), ConfigError, /num_local_experts.*got 8/);
    const file = await openGguf(await engine.read(`${FOLDER}/model.BF16.gguf`));
    const own: Tensor[] = [];
    for (const { name, shape, dtype } of file.tensors.values())
      own.push({ name, axes: [...shape].reverse(), type: dtype === "F32" ? 0 : 30, data: await file.read(name) });
    await estimate(llama({}, own));
    const biased = estimate(llama({}, [...own, tensor("blk.1.attn_q.bias", 64)]));
    await assert.rejects(biased, FormatError, /layers\.1\.self_attn\.q_proj\.bias.*without this tensor/);
  });
});
