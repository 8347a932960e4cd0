import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, ConfigError, FormatError, loadPhi, OptionError, type Source } from "../../src/index.ts";
import { type MergeInput, mergeAdapters } from "../../src/merge/index.ts";
import { bytesSink } from "../../src/source/index.ts";
import { type AdapterCase, adapterCases, adapterFolder, baseFolder, baseSource } from "../adapter-fixtures.ts";
import { filesOf, readFixture } from "../fixtures.ts";
import { ggufFile } from "../gguf-golden.ts";
import { goldenSource, readTensors } from "../golden.ts";
import { suite } from "../harness.ts";
import { maxAbs } from "../metrics.ts";
import { randomFloats } from "../random.ts";

suite("merge", async ({ test, assert, engine }) => {
  const cases = await adapterCases(engine);
  const find = (title: string) => cases.find((c) => c.case === title) as AdapterCase;
  const inputs = ({ adapters }: AdapterCase): MergeInput[] =>
    Object.entries(adapters).map(([name, scale]) => ({ source: adapterFolder(engine, name), scale }));

  /** Merges into memory. */
  async function merged(base: Source, adapters: readonly MergeInput[]) {
    const files = new Map<string, Uint8Array>();
    const done = await mergeAdapters(base, adapters, bytesSink(files));
    return { files, done, source: bytesSource(files) };
  }

  /** The checkpoint with its weights as float32. */
  async function asFloat32(base: string): Promise<Source> {
    const files = await filesOf(engine, baseFolder(base), (name) => /^(generation_)?config\.json$/.test(name));
    const weights = await openSafetensors(baseSource(engine, base));
    const data: Record<string, TensorData> = {};
    for (const { name, shape } of weights.tensors.values())
      data[name] = { dtype: "F32", shape, data: await weights.toFloat32(name) };
    return bytesSource(new Map<string, Uint8Array>([...files, ["model.safetensors", writeSafetensors(data)]]));
  }

  for (const one of cases) {
    if (["lm_head, tied", "included vision", "included speech"].includes(one.case)) continue;
    test(`${one.case}: merged in float32, the checkpoint alone gives PEFT's and transformers' logits within 3e-4, and those of base and adapters apart`, async () => {
      const base = await asFloat32(one.base);
      const { source, done } = await merged(base, inputs(one));
      assert.ok(done.matrices > 0);
      const phi = await loadPhi(source, { weights: "f32" });
      const got = await phi.forward(one.ids, { logits: "all" });
      assert.atMost(maxAbs(got, one.logits), 3e-4);
      const given = Object.fromEntries(inputs(one).map(({ source }, i) => [`${i}`, source]));
      const apart = await loadPhi(base, { weights: "f32", adapters: given });
      const adapter = Object.fromEntries(Object.values(one.adapters).map((scale, i) => [`${i}`, scale]));
      assert.atMost(maxAbs(got, await apart.forward(one.ids, { logits: "all", adapter })), 3e-4);
      await Promise.all([phi.dispose(), apart.dispose()]);
    });
  }

  test("phi-3-small-8k: an adapter of its grouped and alternating matrices, merged by its published names, gives the logits of base and adapter apart within 3e-4", async () => {
    const base = await asFloat32("phi-3-small-8k");
    const [D, F, qkv, r] = [64, 96, 128, 3];
    const lora: Record<string, TensorData> = {};
    const targets = { "self_attn.query_key_value": [qkv, D], "mlp.up_proj": [2 * F, D], "mlp.down_proj": [D, F] };
    for (let layer = 0; layer < 4; layer++) {
      for (const [name, [N, C]] of Object.entries(targets)) {
        const at = `base_model.model.model.layers.${layer}.${name}`;
        lora[`${at}.lora_A.weight`] = { dtype: "F32", shape: [r, C], data: randomFloats(layer, r * C, 0.1) };
        lora[`${at}.lora_B.weight`] = { dtype: "F32", shape: [N, r], data: randomFloats(layer + N, N * r, 0.1) };
      }
    }
    const config = {
      peft_type: "LORA",
      r,
      lora_alpha: 6,
      target_modules: Object.keys(targets).map((t) => t.split(".")[1]),
    };
    const adapter = bytesSource({
      "adapter_config.json": new TextEncoder().encode(JSON.stringify(config)),
      "adapter_model.safetensors": writeSafetensors(lora),
    });
    const { source, done } = await merged(base, [{ source: adapter, scale: 0.75 }]);
    assert.equal(done.matrices, 12);
    const ids = Array.from({ length: 90 }, (_, i) => (i * 37) % 190);
    const [one, apart] = [
      await loadPhi(source, { weights: "f32" }),
      await loadPhi(base, { weights: "f32", adapters: { a: adapter } }),
    ];
    const got = await one.forward(ids, { logits: "all" });
    assert.atMost(maxAbs(got, await apart.forward(ids, { logits: "all", adapter: { a: 0.75 } })), 3e-4);
    assert.ok(maxAbs(got, await apart.forward(ids, { logits: "all" })) > 0.1, "the adapter changes something");
    await Promise.all([one.dispose(), apart.dispose()]);
  });

  for (const name of ["phi-1_5", "phi-2-qk-layernorm", "phi-3-small-128k", "phi-4-mini"] as const)
    test(`${name}: an adapter of every linear layer that its checkpoint has, merged in float32, gives the logits of base and adapter apart within 3e-4`, async () => {
      const base = await asFloat32(name);
      const adapter = await drawn(base);
      const phi = await loadPhi(base, { weights: "f32", adapters: { adapter } });
      const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % 190);
      const apart = await phi.forward(ids, { logits: "all", adapter: "adapter" });
      const change = maxAbs(apart, await phi.forward(ids, { logits: "all" }));
      assert.ok(change > 0.3, `it changes something: ${change}`);
      const { source, done } = await merged(base, [{ source: adapter }]);
      assert.ok(done.matrices >= 4 * phi.config.layers);
      const alone = await loadPhi(source, { weights: "f32" });
      assert.atMost(maxAbs(await alone.forward(ids, { logits: "all" }), apart), 3e-4);
      await Promise.all([phi.dispose(), alone.dispose()]);
    });

  test("float32 weights are PEFT's merge_and_unload within 2e-6; of bf16 ones within a unit in the last place, and what PEFT loses when it rounds the product first", async () => {
    const expected = readTensors(await readFixture(engine, "adapters/merged.safetensors"));
    for (const [title, dtype] of [
      ["two at once", "F32"],
      ["rslora, patterns", "BF16"],
    ] as const) {
      const one = find(title);
      const { source } = await merged(baseSource(engine, one.base), inputs(one));
      const [file, base] = await Promise.all([openSafetensors(source), openSafetensors(baseSource(engine, one.base))]);
      const theirs = await openSafetensors(await readFixture(engine, "adapters/merged.safetensors"));
      for (const layer of ["self_attn.o_proj", "mlp.down_proj"]) {
        const name = `model.layers.1.${layer}.weight`;
        assert.equal(file.tensors.get(name)?.dtype, dtype);
        const [got, want, plain] = await Promise.all([
          file.toFloat32(name),
          theirs.toFloat32(`${one.base}/${name}`),
          base.toFloat32(name),
        ]);
        assert.ok(maxAbs(got, plain) > 0.1, "something was added");
        for (const [i, x] of got.entries()) {
          const added = Math.abs(want[i] - plain[i]);
          const bound = dtype === "F32" ? 2e-6 : 2 ** -7 * Math.abs(x) + 2 ** -8 * added + 1e-30;
          if (!(Math.abs(x - want[i]) <= bound)) assert.atMost(Math.abs(x - want[i]), bound, `${name} ${i}`);
        }
      }
      assert.ok(expected.size > 0);
    }
  });

  test("all else is as it was: names, shapes, dtypes, the bytes of other tensors, shards into one file, config and generation config", async () => {
    const one = find("lm_head, tied");
    const o = bytesSource(await filesOf(engine, "test/fixtures/adapters/phi-4-mini-head"));
    const only = await withoutHead(o);
    const { source, files } = await merged(baseSource(engine, one.base), [{ source: only }]);
    const [before, after] = await Promise.all([openSafetensors(baseSource(engine, one.base)), openSafetensors(source)]);
    assert.deepEqual([...after.tensors.keys()].sort(), [...before.tensors.keys()].sort());
    let changed = 0;
    for (const [name, info] of before.tensors) {
      const now = after.tensors.get(name);
      assert.deepEqual([now?.dtype, now?.shape], [info.dtype, info.shape], name);
      const same = String(await before.read(name)) === String(await after.read(name));
      assert.equal(same, !name.endsWith("o_proj.weight"), name);
      if (!same) changed++;
    }
    assert.equal(changed, 3);
    assert.deepEqual(after.metadata, { format: "pt" });
    for (const name of ["config.json", "generation_config.json"])
      assert.deepEqual(files.get(name), new Uint8Array(await engine.read(`${baseFolder(one.base)}/${name}`)), name);
    assert.deepEqual(
      [...files.keys()].filter((name) => name.includes("safetensors")),
      ["model.safetensors"],
    );
  });

  test("a tied output layer, GGUF, int4, no adapter and a bad scale are refused by name, before anything is written", async () => {
    const files = new Map<string, Uint8Array>();
    const into = (base: Source, adapters: readonly MergeInput[]) => mergeAdapters(base, adapters, bytesSink(files));
    const [a] = inputs(find("fused"));
    const head = { source: adapterFolder(engine, "phi-4-mini-head") };
    const gguf = bytesSource({ "model.gguf": await ggufFile(engine, "gguf-phi-4", "Q4_0") });
    const refusals: [() => Promise<unknown>, typeof ConfigError | typeof OptionError | typeof FormatError, RegExp][] = [
      [
        () => into(goldenSource(engine, "phi-4-mini"), [head]),
        ConfigError,
        /output layer cannot be merged where that is the embedding/,
      ],
      [() => into(gguf, [a]), ConfigError, /float weights only/],
      [() => into(goldenSource(engine, "int4-gptq"), [a]), ConfigError, /float weights only/],
      [() => into(goldenSource(engine, "phi-4"), []), OptionError, /mergeAdapters: adapters/],
      [() => into(goldenSource(engine, "phi-4"), [{ ...a, scale: Number.NaN }]), OptionError, /mergeAdapters: scale/],
      [() => into(goldenSource(engine, "phi-3-medium"), [head]), FormatError, /another shape/],
    ];
    for (const [call, kind, message] of refusals) await assert.rejects(call(), kind, message);
    assert.equal(files.size, 0);
  });

  test("an abort ends it with the signal's reason", async () => {
    const control = new AbortController();
    const onProgress = () => control.abort("enough");
    const files = new Map<string, Uint8Array>();
    const call = mergeAdapters(goldenSource(engine, "phi-4"), inputs(find("fused")), bytesSink(files), {
      signal: control.signal,
      onProgress,
    });
    assert.equal(await call.catch((reason) => reason), "enough");
  });
});

/** An adapter of rank 3 for every matrix of a checkpoint's layers. */
async function drawn(base: Source): Promise<Source> {
  const weights = await openSafetensors(base);
  const data: Record<string, TensorData> = {};
  for (const { name, shape } of weights.tensors.values()) {
    if (!name.startsWith("model.layers.") || shape.length !== 2) continue;
    const at = `base_model.model.${name.replace(/\.weight$/, "")}`;
    const [N, C] = shape;
    data[`${at}.lora_A.weight`] = { dtype: "F32", shape: [3, C], data: randomFloats(N + C, 3 * C, 0.1, 0) };
    data[`${at}.lora_B.weight`] = { dtype: "F32", shape: [N, 3], data: randomFloats(N - C, N * 3, 0.1, 0) };
  }
  const config = new TextEncoder().encode(JSON.stringify({ peft_type: "LORA", r: 3, lora_alpha: 6 }));
  return bytesSource({ "adapter_config.json": config, "adapter_model.safetensors": writeSafetensors(data) });
}

/** The adapter without what it adds to the output layer. */
async function withoutHead(adapter: Source): Promise<Source> {
  const config = await adapter.open("adapter_config.json");
  const weights = await adapter.open("adapter_model.safetensors");
  const data: Record<string, TensorData> = {};
  for (const [name, tensor] of readTensors((await weights.read(0, weights.size)) as Uint8Array<ArrayBuffer>))
    if (!name.includes("lm_head")) data[name] = { dtype: "F32", ...tensor };
  return bytesSource({
    "adapter_config.json": await config.read(0, config.size),
    "adapter_model.safetensors": writeSafetensors(data),
  });
}
