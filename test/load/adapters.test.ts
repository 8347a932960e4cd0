import { type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { estimate, loadPhi } from "../../src/index.ts";
import { adapterFile } from "../../src/load/adapters/files.ts";
import { EVERY_PART } from "../../src/load/every-part.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { planModel } from "../../src/load/plan-model.ts";
import { bytesSource, type Source } from "../../src/source/index.ts";
import { type AdapterCase, adapterCases, adapterFolder, adapterFolders, baseSource } from "../adapter-fixtures.ts";
import { filesOf } from "../fixtures.ts";
import { openGgufGolden } from "../gguf-golden.ts";
import { goldenSource, INT4_CASES } from "../golden.ts";
import { suite, unless } from "../harness.ts";
import { maxAbs } from "../metrics.ts";
import { randomFloats } from "../random.ts";
import { noThreads } from "../threads/crew.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

suite("load/adapters", async ({ test, assert, engine }) => {
  const cases = await adapterCases(engine);
  const find = (title: string) => cases.find((c) => c.case === title) as AdapterCase;

  test("estimate with adapters equals the loaded model's memory; each of them adds its bytes to the weights, and its ranks to the scratch", async () => {
    for (const title of ["two at once", "phi, two at once", "phimoe, experts and router", "lm_head, tied"]) {
      const { base, adapters } = find(title);
      const options = { weights: "q4", adapters: adapterFolders(engine, Object.keys(adapters)) } as const;
      const plan = await estimate(baseSource(engine, base), options);
      const phi = await loadPhi(baseSource(engine, base), options);
      assert.deepEqual(plan.memory, phi.memory, title);
      const bare = await estimate(baseSource(engine, base), { weights: "q4" });
      const bytes = phi.adapters.reduce((sum, adapter) => sum + adapter.bytes, 0);
      assert.equal(plan.memory.weights - bare.memory.weights, bytes, title);
      assert.ok(plan.sourceBytes > bare.sourceBytes && plan.memory.scratch >= bare.memory.scratch, title);
      await phi.dispose();
    }
  });

  test("progress counts an adapter's bytes: the last event has all of them", async () => {
    const { base, adapters } = find("two at once");
    const events: { loaded: number; total: number; file: string }[] = [];
    const given = adapterFolders(engine, Object.keys(adapters));
    const phi = await loadPhi(baseSource(engine, base), {
      adapters: given,
      onProgress: (event) => events.push(event),
    });
    const last = events.at(-1);
    assert.equal(last?.loaded, last?.total);
    assert.ok(events.some(({ file }) => file === adapterFile("phi-4-b", WEIGHTS)));
    await phi.dispose();
  });

  test("a file of another name beside adapter_config.json is read where it is named; a signal ends loading with its reason", async () => {
    const { base } = find("fused");
    const whole = await filesOf(engine, "test/fixtures/adapters/phi-4-a");
    const files = [...whole].map(([name, bytes]) => new File([bytes], name));
    const phi = await loadPhi(baseSource(engine, base), { adapters: { files } });
    assert.equal(phi.adapters[0].matrices, 8);
    await phi.dispose();
    const control = new AbortController();
    const onProgress = ({ file }: { file: string }) => {
      if (file.includes("of adapter")) control.abort("enough");
    };
    const stopped = loadPhi(baseSource(engine, base), { adapters: { files }, signal: control.signal, onProgress });
    assert.equal(await stopped.catch((reason) => reason), "enough");
  });

  test("over several arenas the bits are those over one", async () => {
    for (const title of ["two at once", "phi, two at once", "phimoe, experts and router", "lm_head, tied"]) {
      const { base, adapters, ids } = find(title);
      const names = Object.keys(adapters);
      const from = joined(baseSource(engine, base), engine, names);
      const options = { weights: "f32" as const, adapters: names.map((name) => ({ name, included: false })) };
      const { plan, files } = await planModel(from, { ...options, ...EVERY_PART });
      await files.close();
      const logits: Float32Array[] = [];
      for (const most of [undefined, Math.floor(plan.total.bytes * 0.9)]) {
        const { decoder, memory } = await loadModel(from, options, most);
        assert.equal(memory.arenas.length > 1, most !== undefined);
        const out = new Float32Array(ids.length * decoder.config.vocabSize);
        const parts = names.map((name, adapter) => ({ adapter, scale: adapters[name] }));
        decoder.step({
          ids,
          start: 0,
          blocks: [decoder.pool.take()],
          regime: "short",
          adapters: { key: "x", parts },
          logits: out,
        });
        logits.push(out);
        decoder.dispose();
      }
      assert.deepEqual(logits[1], logits[0], title);
    }
  });

  for (const [offThread, worker] of [
    ["in-thread", false],
    ["off-thread", true],
  ] as const) {
    const threaded = unless(noThreads(engine, !worker), test);
    threaded(`${offThread}: 1 to 3 threads give the same bits with adapters at work, over f32 and q4`, async () => {
      for (const weights of ["f32", "q4"] as const) {
        const { base, adapters, ids } = find("two at once");
        const all: Float32Array[] = [];
        for (const threads of [1, 2, 3]) {
          const given = adapterFolders(engine, Object.keys(adapters));
          const phi = await loadPhi(baseSource(engine, base), { weights, threads, worker, adapters: given });
          all.push(await phi.forward([...ids, ...ids, ...ids], { logits: "all", adapter: adapters }));
          await phi.dispose();
        }
        assert.deepEqual(all[1], all[0], `${weights}: 2 threads`);
        assert.deepEqual(all[2], all[0], `${weights}: 3 threads`);
      }
    });
  }

  /** An adapter for every matrix of a layer of phi3, with products small beside the weights. */
  function drawn(D: number, rows: Record<string, [number, number]>, layers: number): Source {
    const data: Record<string, TensorData> = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const [module, [N, C]] of Object.entries(rows)) {
        const path = `base_model.model.model.layers.${layer}.${module}`;
        const seed = layer * 100 + N + C + D;
        data[`${path}.lora_A.weight`] = { dtype: "F32", shape: [3, C], data: randomFloats(seed, 3 * C, 0.1, 0) };
        data[`${path}.lora_B.weight`] = { dtype: "F32", shape: [N, 3], data: randomFloats(seed + 1, N * 3, 0.1, 0) };
      }
    }
    const config = new TextEncoder().encode(JSON.stringify({ peft_type: "LORA", r: 3, lora_alpha: 3 }));
    return bytesSource({ [CONFIG]: config, [WEIGHTS]: writeSafetensors(data) });
  }

  for (const name of INT4_CASES) {
    test(`${name}: over int4 weights the bits without an adapter are those of the base, and what it changes with int8 inputs is what it changes with float32 ones, within a quarter`, async () => {
      const source = goldenSource(engine, name);
      const bare = await loadPhi(source, { activations: "f32" });
      const { hiddenSize: D, heads: H, kvHeads: K, headDim: dh, intermediateSize: F, layers } = bare.config;
      const given = drawn(
        D,
        { "self_attn.qkv_proj": [(H + 2 * K) * dh, D], "self_attn.o_proj": [D, H * dh], "mlp.down_proj": [D, F] },
        layers,
      );
      const ids = Array.from({ length: 20 }, (_, i) => (i * 7) % 100);
      const phi = await loadPhi(source, { activations: "f32", adapters: { given } });
      const none = await phi.forward(ids);
      assert.deepEqual(none, await bare.forward(ids));
      const exact = await phi.forward(ids, { adapter: "given" });
      const change = maxAbs(exact, none);
      assert.ok(change > 0.05, `it changes something: ${change}`);
      const int8 = await loadPhi(source, { adapters: { given } });
      const delta = (a: Float32Array, b: Float32Array) => a.map((x, i) => x - b[i]);
      const got = delta(await int8.forward(ids, { adapter: "given" }), await int8.forward(ids));
      assert.atMost(maxAbs(got, delta(exact, none)), 0.25 * change);
      await Promise.all([bare.dispose(), phi.dispose(), int8.dispose()]);
    });
  }

  test("over a GGUF file of K-quants an adapter works, and without it the bits are those of the file", async () => {
    const { source } = await openGgufGolden(engine, "gguf-kquant", "Q4_K_M");
    const bare = await loadPhi(source);
    const { hiddenSize: D, heads: H, kvHeads: K, headDim: dh, layers } = bare.config;
    const given = drawn(D, { "self_attn.q_proj": [H * dh, D], "self_attn.v_proj": [K * dh, D] }, layers);
    const phi = await loadPhi(source, { adapters: { given } });
    const ids = Array.from({ length: 20 }, (_, i) => (i * 7) % 100);
    const none = await bare.forward(ids);
    assert.deepEqual(await phi.forward(ids), none);
    assert.ok(maxAbs(await phi.forward(ids, { adapter: "given" }), none) > 0.05);
    await Promise.all([bare.dispose(), phi.dispose()]);
  });
});

/** A checkpoint and adapters as loadPhi joins them. */
function joined(base: Source, engine: Parameters<typeof adapterFolder>[0], names: readonly string[]): Source {
  return {
    list: async () => (await base.list?.()) ?? [],
    open(wanted) {
      for (const name of names)
        for (const file of [CONFIG, WEIGHTS])
          if (wanted === adapterFile(name, file)) return adapterFolder(engine, name).open(file);
      return base.open(wanted);
    },
  };
}
