import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, type FormatError, inspect, loadPhi, PhiError } from "../../src/index.ts";
import { filesOf } from "../fixtures.ts";
import { suite } from "../harness.ts";

type Json = Record<string, unknown>;
type Files = Map<string, Uint8Array>;

const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const decode = (bytes: Uint8Array | undefined): Json => JSON.parse(new TextDecoder().decode(bytes)) as Json;

suite("inspect/faults", async ({ test, assert, engine }) => {
  const tiny = await filesOf(engine, "models/phi-tiny", (name) => !/golden|README/.test(name));
  const shards = await filesOf(engine, "test/fixtures/golden/phi-4-mini", (name) => !/golden|hub/.test(name));
  const gptq = await filesOf(engine, "test/fixtures/golden/int4-gptq", (name) => !/golden|hub|dequant/.test(name));
  const config = (files: Files, change: Json): Files =>
    new Map(files).set("config.json", encode({ ...decode(files.get("config.json")), ...change }));

  /** Every fault is expected by one pattern and every pattern finds one, in their order; and loadPhi throws the first. */
  async function faults(files: Files | Record<string, Uint8Array>, expected: readonly RegExp[]): Promise<void> {
    const source = bytesSource(files);
    const found = await inspect(source);
    const messages = found.faults.map((fault) => fault.message);
    assert.equal(messages.length, expected.length, messages.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.ok(pattern.test(messages[i]), `${pattern}: ${messages[i]}`);
    assert.equal(found.loads, false);
    const thrown = await assert.rejects(loadPhi(source), PhiError);
    assert.equal((thrown as PhiError).message, messages[0]);
  }

  test("of a config all keys that are not built and all sizes that do not fit are told, and damaged weights and tokenizer beside them", async () => {
    const files = config(tiny, {
      hidden_act: "gelu",
      attention_bias: true,
      num_hidden_layers: 0,
      num_key_value_heads: 3,
      rope_scaling: { type: "yarn", beta_fast: 1, mscale: 2 },
      quantization_config: { quant_method: "fp8" },
    });
    const tokenizer = decode(tiny.get("tokenizer.json"));
    files.set(
      "tokenizer.json",
      encode({ ...tokenizer, normalizer: { type: "Precompiled" }, decoder: { type: "CTC" } }),
    );
    files.set("model.safetensors", (tiny.get("model.safetensors") as Uint8Array).subarray(0, 100_000));
    await faults(files, [
      /"hidden_act".*got "gelu"/,
      /"attention_bias"/,
      /num_key_value_heads; got 8; expected a multiple of 3/,
      /"num_hidden_layers"; got 0/,
      /this kind of rope scaling/,
      /quantization "fp8" is not built/,
      /file model\.safetensors.*shorter than its header says/,
      /normalizer "Precompiled"/,
      /decoder "CTC"/,
    ]);
  });

  test("another model_type is told with its class, and the tokenizer is still looked at", async () => {
    await faults(config(tiny, { model_type: "mixtral", architectures: ["MixtralForCausalLM"] }), [
      /this architecture is not built; got "mixtral, MixtralForCausalLM"/,
    ]);
    const found = await inspect(bytesSource(config(tiny, { model_type: "mixtral" })));
    assert.deepEqual([found.architecture.modelType, found.tokenizer?.type], ["mixtral", "BPE"]);
    assert.deepEqual(
      found.tensors.map((t) => [t.class, t.file]),
      [["tensors", "BF16"]],
    );
  });

  test("every tensor that is missing, extra, of another shape or another dtype is told", async () => {
    const whole = await openSafetensors(bytesSource(tiny));
    const tensors: [string, TensorData][] = [];
    for (const { name, dtype, shape } of whole.tensors.values()) {
      if (name === "model.norm.weight" || name.includes("layers.3.mlp")) continue;
      const data = await whole.read(name);
      if (name === "model.layers.0.input_layernorm.weight") tensors.push([name, { dtype, shape: [2, 128], data }]);
      else if (name === "model.layers.1.input_layernorm.weight")
        tensors.push([name, { dtype: "I16", shape, data: new Int16Array(256) }]);
      else tensors.push([name, { dtype, shape, data }]);
    }
    tensors.push(["model.layers.7.x.bias", { dtype: "F32", shape: [1], data: new Float32Array(1) }]);
    await faults(new Map<string, Uint8Array>(tiny).set("model.safetensors", writeSafetensors(tensors)), [
      /layers\.0\.input_layernorm\.weight: the shape.*got \[2, 128\]; expected \[256\]/,
      /layers\.1\.input_layernorm\.weight: weights of this dtype.*got "I16"/,
      /layers\.3\.mlp\.gate_up_proj\.weight: the checkpoint lacks/,
      /layers\.3\.mlp\.down_proj\.weight: the checkpoint lacks/,
      /model\.norm\.weight: the checkpoint lacks/,
      /layers\.7\.x\.bias: config\.json describes a model without/,
    ]);
  });

  test("of several files each damaged one is told, and of an index each tensor that is not where it says", async () => {
    const cut = (name: string) => (shards.get(name) as Uint8Array).subarray(0, 5);
    const [second, fourth] = ["model-00002-of-00005.safetensors", "model-00004-of-00005.safetensors"];
    await faults(
      new Map<string, Uint8Array>(shards)
        .set(second, cut(second))
        .set(fourth, new TextEncoder().encode("version https://git")),
      [/00002-of-00005.*too short/, /00004-of-00005.*Git LFS pointer/],
    );
    const index = decode(shards.get("model.safetensors.index.json"));
    const map = { ...(index.weight_map as Record<string, string>) };
    const [a, b] = Object.keys(map);
    map[a] = map[a] === second ? fourth : second;
    delete map[b];
    await faults(new Map<string, Uint8Array>(shards).set("model.safetensors.index.json", encode({ weight_map: map })), [
      new RegExp(`${b.replaceAll(".", "\\.")}: this tensor of a shard is not in the index`),
      new RegExp(`${a.replaceAll(".", "\\.")}: the index names a shard that does not hold`),
    ]);
  });

  test("int4 matrices whose tensors do not fit are told one by one, and not as missing weights besides", async () => {
    const whole = await openSafetensors(bytesSource(gptq));
    const tensors: [string, TensorData][] = [];
    for (const { name, dtype, shape } of whole.tensors.values())
      if (!/layers\.(0|1)\.self_attn\.o_proj\.scales/.test(name))
        tensors.push([name, { dtype, shape, data: await whole.read(name) }]);
    await faults(new Map<string, Uint8Array>(gptq).set("model.safetensors", writeSafetensors(tensors)), [
      /layers\.0\.self_attn\.o_proj\.scales: the checkpoint lacks this tensor; expected it beside the int4 words/,
      /layers\.1\.self_attn\.o_proj\.scales/,
    ]);
  });

  for (const [quantization, name] of [
    [{ quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "nf4" }, "bitsandbytes nf4"],
    [{ quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "fp4" }, "bitsandbytes fp4"],
    [{ quant_method: "bitsandbytes", load_in_8bit: true }, "bitsandbytes int8"],
    [{ quant_method: "hqq" }, "hqq"],
    [{ quant_method: "exl2", bits: 4.25 }, "exl2"],
    [{ quant_method: "fp8" }, "fp8"],
    [{ quant_method: "mxfp4" }, "mxfp4"],
    [{ quant_method: "torchao" }, "torchao"],
    [{ quant_method: "gptq", bits: 3, group_size: 128 }, "gptq with 3 bits"],
  ] as const)
    test(`${name} is refused by name, with what to take instead`, () =>
      faults(config(tiny, { quantization_config: quantization }), [
        new RegExp(`quantization "${name}" is not built; expected .*or the checkpoint before it was quantized`),
      ]));

  test("MLX's quantization, which has no method's name, is refused by its own", () =>
    faults(
      config(tiny, { quantization: { group_size: 64, bits: 4 }, quantization_config: { group_size: 64, bits: 4 } }),
      [/quantization "MLX, 4 bits" is not built/],
    ));

  const json = new Map([...tiny].filter(([name]) => name.endsWith(".json")));
  for (const [name, kind] of [
    ["pytorch_model.bin", "pickle of PyTorch"],
    ["consolidated.00.pth", "pickle of PyTorch"],
    ["model.onnx", "ONNX graph"],
    ["openvino_model.bin", "OpenVINO"],
    ["tf_model.h5", "TensorFlow"],
    ["flax_model.msgpack", "Flax"],
  ] as const)
    test(`a folder with nothing but ${name} is told to be ${kind}, and so is that file alone`, async () => {
      const bytes = new Uint8Array(1000).fill(7);
      await faults(new Map(json).set("training_args.bin", bytes).set(name, bytes), [
        new RegExp(`file ${name.replaceAll(".", "\\.")}: this is .*${kind}.*; expected`),
      ]);
      const alone = await inspect(new File([bytes], name));
      assert.ok(alone.faults[0].message.includes(kind), alone.faults[0].message);
    });

  test("an archive, a page of HTML and a pickle are told by how they begin, whatever they are called", async () => {
    for (const [start, kind] of [
      ["PK\x03\x04 and so on and on", "pickle of PyTorch"],
      ["<!DOCTYPE html><html>", "page of HTML"],
      ["\x1f\x8b\x08 and so on and on", "archive"],
    ] as const) {
      const bytes = Uint8Array.from(start, (c) => c.charCodeAt(0));
      for (const name of ["model.safetensors", "model.gguf", "phi"]) {
        const [fault] = (await inspect(new File([bytes], name))).faults;
        assert.ok(fault?.message.includes(kind), `${name}: ${fault?.message}`);
      }
    }
  });

  test("with option read every damaged tensor is told, without it none; nothing else changes", async () => {
    const bytes = (tiny.get("model.safetensors") as Uint8Array).slice();
    const { tensors } = await openSafetensors(bytes);
    const damaged = ["model.layers.1.mlp.down_proj.weight", "model.layers.4.self_attn.qkv_proj.weight"];
    for (const name of damaged) bytes.set([0x80, 0x7f], tensors.get(name)?.offset ?? 0); // bf16 infinity
    const source = bytesSource(new Map<string, Uint8Array>(tiny).set("model.safetensors", bytes));
    const [headers, whole] = [await inspect(source), await inspect(source, { read: true })];
    assert.deepEqual([headers.loads, whole.loads], [true, false]);
    assert.deepEqual(
      whole.faults.map((fault) => [fault.code, (fault as FormatError).tensor]),
      damaged.map((name) => ["non_finite_weight", name]),
    );
    assert.deepEqual({ ...whole, loads: true, faults: [] }, headers);
    assert.equal((await inspect(bytesSource(tiny), { read: true })).loads, true);
  });

  test("the folder of an adapter without its model is told to be one", async () => {
    const adapter = await filesOf(engine, "test/fixtures/adapters/phi-2");
    await faults(adapter, [
      /adapter_config\.json: this is an adapter of PEFT without its model/,
      /there is no such file/,
    ]);
  });

  test("a checkpoint with more than 1000 faults has 1000 of them, and how many more there are", async () => {
    const files = config(shards, { num_hidden_layers: 300 });
    const found = await inspect(bytesSource(files));
    assert.equal(found.faults.length, 1000);
    assert.equal(found.moreFaults, 297 * 6 - 1000);
  });
});
