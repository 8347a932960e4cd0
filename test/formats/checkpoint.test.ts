import { makeCheckpoint, tensorsOf } from "../../scripts/checkpoint/make.ts";
import { NormalWeights } from "../../scripts/checkpoint/normal.ts";
import { makePacked } from "../../scripts/checkpoint/packed.ts";
import { PRESETS, type Preset } from "../../scripts/checkpoint/presets.ts";
import { ConfigError } from "../../src/errors.ts";
import { bytesSink, bytesSource, openSafetensors } from "../../src/formats/safetensors/index.ts";
import { loadPhi } from "../../src/index.ts";
import { unpack } from "../../src/kernels/index.ts";
import { allocMatrix } from "../../src/quant/index.ts";
import { readJson } from "../../src/source/index.ts";
import { Arena } from "../../src/tensor/index.ts";
import { readFixtureJson } from "../fixtures.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";

suite("scripts/make-checkpoint", async ({ test, assert, engine }) => {
  const tiny: Preset = {
    config: await readFixtureJson(engine, "golden/phi-4-mini/config.hub.json"),
    generation: { eos_token_id: [311, 310] },
  };

  async function make(options: Parameters<typeof makeCheckpoint>[2], preset = tiny): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    await makeCheckpoint(bytesSink(files), preset, options);
    return files;
  }

  test("a tiny Phi-4-mini has the golden checkpoint's names, shapes and dtype, in shards with an index", async () => {
    const files = await make({ maxShardBytes: 100_000 });
    assert.ok(
      files.has("model.safetensors.index.json") && files.has("model-00001-of-00007.safetensors"),
      [...files.keys()].join(),
    );
    const made = await openSafetensors(bytesSource(files));
    const real = await openSafetensors(goldenSource(engine, "phi-4-mini"));
    const list = (file: typeof made) => [...file.tensors.values()].map((t) => `${t.name} ${t.dtype} ${t.shape}`).sort();
    assert.deepEqual(list(made), list(real));
    await real.close();
    assert.deepEqual(await readJson(bytesSource(files), "config.json"), tiny.config);
    assert.deepEqual(await readJson(bytesSource(files), "generation_config.json"), tiny.generation);
  });

  test("equal seeds give equal bytes; another seed and every other tensor of the file differ", async () => {
    const [a, b, c] = [await make({ seed: 1 }), await make({ seed: 1 }), await make({ seed: 2 })];
    assert.deepEqual(a, b);
    const [one, two] = [await openSafetensors(bytesSource(a)), await openSafetensors(bytesSource(c))];
    const seen = new Set<string>();
    for (const { name, shape } of one.tensors.values()) {
      if (shape.length === 1) continue;
      const start = String((await one.read(name)).subarray(0, 64));
      assert.ok(!seen.has(start), name);
      seen.add(start);
      assert.ok(start !== String((await two.read(name)).subarray(0, 64)), name);
    }
  });

  for (const dtype of ["bf16", "f16", "f32"] as const) {
    test(`${dtype}: matrices are normal, mean 0 within 3e-4 and standard deviation 0.02 within 1 %, norms are 1`, async () => {
      const file = await openSafetensors(bytesSource(await make({ dtype })));
      const values = await file.toFloat32("model.layers.0.mlp.gate_up_proj.weight");
      const mean = values.reduce((s, x) => s + x, 0) / values.length;
      const std = Math.sqrt(values.reduce((s, x) => s + x * x, 0) / values.length);
      assert.atMost(Math.abs(mean), 3e-4);
      assert.atMost(Math.abs(std / 0.02 - 1), 0.01);
      const within = values.filter((x) => Math.abs(x) < 0.02).length / values.length;
      assert.atMost(Math.abs(within - 0.6827), 0.01);
      assert.ok((await file.toFloat32("model.norm.weight")).every((x) => x === 1));
    });
  }

  test("the weights' bits are the same on every engine (FNV-1a over the first 4 MiB of seed 7)", () => {
    const [piece] = new NormalWeights("bf16", 0.02).pieces(1 << 22, 7);
    let hash = 0x811c9dc5;
    for (const byte of piece) hash = Math.imul(hash ^ byte, 0x01000193);
    assert.equal((hash >>> 0).toString(16), "81fa94f");
  });

  test("presets have as many parameters as the published checkpoints", () => {
    const count = (name: string) =>
      tensorsOf(PRESETS[name].config).reduce((n, { shape }) => n + shape.reduce((size, d) => size * d, 1), 0);
    assert.deepEqual(
      ["phi-4-mini", "phi-3-mini-4k", "phi-4", "phi-2", "phi-3-small", "phi-3.5-moe"].map(count),
      [3_836_021_760, 3_821_079_552, 14_659_507_200, 2_779_683_840, 7_392_272_384, 41_873_153_344],
    );
  });

  test("a packed one loads as it is in q4 and q8, and is plausible: weights of standard deviation 0.02 within a fifth, logits of a few units", async () => {
    for (const format of ["q4", "q8"] as const) {
      const files = new Map<string, Uint8Array>();
      await makePacked(bytesSink(files), tiny, format, { seed: 3 });
      assert.deepEqual([...files.keys()], ["model.safetensors"]);
      const phi = await loadPhi(bytesSource(files), { contextSize: 64 });
      assert.deepEqual([phi.weights, phi.embedding], [format, format]);
      const logits = await phi.forward([1, 2, 3]);
      const most = logits.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      assert.ok(most > 0.01 && most < 20, `${most}`);
      await phi.dispose();

      const { tensors, read, close } = await openSafetensors(bytesSource(files));
      const name = "model.layers.0.mlp.down_proj.weight";
      const [groups8, groups, bytes] = tensors.get(name)?.shape ?? [];
      const arena = new Arena(2 ** 20);
      const matrix = allocMatrix(arena, format, groups8 * 8, groups * 32);
      assert.equal(matrix.byteLength, groups8 * groups * bytes);
      new Uint8Array(arena.buffer, matrix.ptr, matrix.byteLength).set(await read(name));
      const weights = unpack(matrix).f32;
      const deviation = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length);
      assert.close([deviation], [0.02], 0.004);
      await close();

      const again = new Map<string, Uint8Array>();
      await makePacked(bytesSink(again), tiny, format, { seed: 3 });
      assert.deepEqual(again.get("model.safetensors"), files.get("model.safetensors"));
    }
  });

  test("another model type, sizes that do not go together and factors that do not fit are ConfigErrors before anything is written", async () => {
    for (const change of [
      { model_type: "llama" },
      { num_key_value_heads: 4 },
      { hidden_size: 95 },
      { hidden_size: 0 },
      { head_dim: 32 },
    ]) {
      const files = new Map<string, Uint8Array>();
      const preset = { ...tiny, config: { ...tiny.config, ...change } };
      await assert.rejects(() => makeCheckpoint(bytesSink(files), preset), ConfigError);
      assert.equal(files.size, 0);
    }
  });
});
