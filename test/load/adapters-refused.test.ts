import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import {
  type AdapterSources,
  ConfigError,
  estimate,
  FormatError,
  inspect,
  loadPhi,
  OptionError,
  type PhiOptions,
  SourceError,
} from "../../src/index.ts";
import { bytesSource, type Source } from "../../src/source/index.ts";
import { adapterFolder, baseSource } from "../adapter-fixtures.ts";
import { filesOf } from "../fixtures.ts";
import { goldenSource, readTensors } from "../golden.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

type Json = Record<string, unknown>;
type Tensors = Map<string, { shape: number[]; data: Float32Array }>;

suite("load/adapters: refusals", async ({ test, assert, engine }) => {
  const [name, base] = ["phi-4-a", "phi-4"] as const;
  const whole = await filesOf(engine, `test/fixtures/adapters/${name}`);
  const json = JSON.parse(new TextDecoder().decode(whole.get(CONFIG))) as Json;
  const at = "base_model.model.model.layers.0.self_attn.o_proj";

  /** The adapter with its configuration and tensors changed. */
  function changed(config: Json, change: (tensors: Tensors) => void = () => {}): Source {
    const tensors = readTensors(whole.get(WEIGHTS) as Uint8Array<ArrayBuffer>);
    change(tensors);
    const data: Record<string, TensorData> = {};
    for (const [key, { shape, data: values }] of tensors) data[key] = { dtype: "F32", shape, data: values };
    const bytes = new TextEncoder().encode(JSON.stringify({ ...json, ...config }));
    return bytesSource({ [CONFIG]: bytes, [WEIGHTS]: writeSafetensors(data) });
  }
  const load = (source: unknown, options: PhiOptions = {}) =>
    loadPhi(baseSource(engine, base), { adapters: { mine: source as Source }, ...options });

  const configs: [Json, RegExp][] = [
    [
      { peft_type: "IA3" },
      /adapter_config\.json of adapter mine: adapters of this type are not built \(peft_type\); got "IA3"/,
    ],
    [{ peft_type: "LOHA" }, /got "LOHA"; expected LORA/],
    [{ use_dora: true }, /"use_dora" asks for DoRA, which is not built/],
    [{ bias: "all" }, /"bias" asks for biases of its own/],
    [{ lora_bias: true }, /"lora_bias" asks for biases/],
    [{ modules_to_save: ["lm_head"] }, /"modules_to_save" asks for whole modules/],
    [{ fan_in_fan_out: true }, /"fan_in_fan_out" asks for transposed weights/],
    [{ layer_replication: [[0, 2]] }, /"layer_replication" asks for layers used twice/],
    [{ target_parameters: ["mlp.experts.gate_up_proj"] }, /"target_parameters" asks for LoRA of parameters/],
    [{ trainable_token_indices: { embed_tokens: [1] } }, /"trainable_token_indices" asks for/],
    [{ alora_invocation_tokens: [3] }, /"alora_invocation_tokens" asks for activated LoRA/],
    [{ init_lora_weights: "pissa" }, /"init_lora_weights": pissa has changed the weights of the base model/],
    [{ init_lora_weights: "olora" }, /olora has changed/],
    [{ r: 0 }, /"r"; got 0; expected an integer/],
    [{ lora_alpha: "8" }, /"lora_alpha"; got "8"; expected a number/],
    [{ use_rslora: 1 }, /"use_rslora"; got 1/],
    [{ rank_pattern: { "(a+)+": 4 } }, /"rank_pattern" has a pattern that is not built; got "\(a\+\)\+"/],
    [{ rank_pattern: { ".*.*.*.*": 4 } }, /"rank_pattern" has a pattern/],
    [{ alpha_pattern: { "o_proj(": 4 } }, /"alpha_pattern" has a pattern/],
    [{ alpha_pattern: { o_proj: null } }, /"alpha_pattern" of o_proj; got null/],
  ];
  for (const [config, message] of configs) {
    test(`${JSON.stringify(config)} is a ConfigError that names it, before memory is taken`, async () => {
      const error = (await assert.rejects(load(changed(config)), ConfigError, message)) as ConfigError;
      assert.equal(error.code, "adapter");
    });
  }

  test("keys at which nothing changes are fine: null, false, empty lists and objects, other keys", async () => {
    const neutral = { modules_to_save: [], target_parameters: [], layer_replication: null, use_dora: false };
    const others = {
      lora_dropout: 0.1,
      exclude_modules: ["lm_head"],
      eva_config: { rho: 2 },
      init_lora_weights: "gaussian",
    };
    const phi = await load(changed({ ...neutral, ...others, bias: "none", runtime_config: { x: 1 } }));
    assert.equal(phi.adapters[0].rank, 4);
    await phi.dispose();
  });

  const tensors: [string, (t: Tensors) => void, RegExp][] = [
    [
      "A without B",
      (t) => t.delete(`${at}.lora_B.weight`),
      /o_proj\.lora_A\.weight: the factor lora_B of model\.layers\.0\.self_attn\.o_proj is missing/,
    ],
    ["B without A", (t) => t.delete(`${at}.lora_A.weight`), /lora_B\.weight: the factor lora_A of/],
    ["no tensor at all", (t) => t.clear(), /an adapter without a single LoRA tensor/],
    [
      "a module that the model lacks",
      (t) => move(t, at, at.replace("o_proj", "k_norm")),
      /got "model\.layers\.0\.self_attn\.k_norm"; expected .*self_attn\.q_proj/,
    ],
    [
      "a layer that the model lacks",
      (t) => move(t, at, at.replace("layers.0", "layers.2")),
      /got "model\.layers\.2\.self_attn\.o_proj"/,
    ],
    [
      "the embedding table",
      (t) => move(t, `${at}.lora_A.weight`, "base_model.model.model.embed_tokens.lora_embedding_A"),
      /LoRA of the embedding table is not built/,
    ],
    [
      "a magnitude of DoRA",
      (t) => copy(t, `${at}.lora_A.weight`, `${at}.lora_magnitude_vector.weight`),
      /DoRA is not built/,
    ],
    ["a bias", (t) => copy(t, `${at}.lora_B.weight`, `${at}.lora_B.bias`), /biases of an adapter's own are not built/],
    [
      "a copy of the table",
      (t) => copy(t, `${at}.lora_B.weight`, "base_model.model.lm_head.base_layer.weight"),
      /a copy of the model's table/,
    ],
    ["a tensor of another kind", (t) => copy(t, `${at}.lora_B.weight`, "x.weight"), /no tensor of a LoRA adapter/],
    [
      "A of other inputs",
      (t) => reshape(t, `${at}.lora_A.weight`, [4, 129]),
      /another shape than the model and .* say; got \[4, 129\]; expected \[4, 128\]/,
    ],
    ["B of other outputs", (t) => reshape(t, `${at}.lora_B.weight`, [127, 4]), /got \[127, 4\]; expected \[128, 4\]/],
    [
      "ranks that differ",
      (t) => reshape(t, `${at}.lora_B.weight`, [128, 5]),
      /another rank than .*lora_A\.weight; got \[128, 5\]; expected \[128, 4\]/,
    ],
    [
      "a rank that is not r",
      (t) => {
        reshape(t, `${at}.lora_A.weight`, [6, 128]);
        reshape(t, `${at}.lora_B.weight`, [128, 6]);
      },
      /got \[6, 128\]; expected \[4, 128\]/,
    ],
    [
      "a factor of three axes",
      (t) => reshape(t, `${at}.lora_A.weight`, [2, 4, 128]),
      /no factor of a linear layer; got \[2, 4, 128\]/,
    ],
  ];
  for (const [title, change, message] of tensors) {
    test(`${title} is a FormatError that names file and tensor, before memory is taken`, async () => {
      const refused = load(changed({}, change), { signal: undefined });
      const error = (await assert.rejects(refused, FormatError, message)) as FormatError;
      assert.equal(error.code, "adapter");
      await assert.rejects(
        estimate(baseSource(engine, base), { adapters: { mine: changed({}, change) } }),
        FormatError,
      );
    });
  }

  test("inspect tells of an adapter for which the model would not load, and counts the bytes of one that fits", async () => {
    const bad = await inspect(baseSource(engine, base), { adapters: { mine: changed({ use_dora: true }) } });
    assert.deepEqual([bad.loads, bad.faults.map(({ code }) => code)], [false, ["adapter"]]);
    assert.ok(/"use_dora" asks for DoRA/.test(bad.faults[0].message), bad.faults[0].message);
    const [good, bare] = [
      await inspect(baseSource(engine, base), { adapters: { mine: changed({}) } }),
      await inspect(baseSource(engine, base)),
    ];
    assert.ok(good.loads && good.memory && bare.memory && good.memory.weights > bare.memory.weights);
  });

  test("an adapter at a URL is fetched by the call's own fetch, and without the headers that are for the checkpoint", async () => {
    const asked: [string, string | null][] = [];
    const fetch = async (url: string, init: RequestInit) => {
      asked.push([url, new Headers(init.headers).get("authorization")]);
      return new Response("", { status: 404 });
    };
    const options = { fetch, headers: { authorization: "Bearer secret" } };
    await assert.rejects(load("https://adapters.test/sql/", options), SourceError, /adapter_config\.json/);
    assert.deepEqual([...new Set(asked.map(String))], ["https://adapters.test/sql/adapter_config.json,"]);
  });

  test("the copy of lm_head that PEFT saves by default changes nothing; one that differs from the model's, in one number or in shape, is refused by name", async () => {
    const tied = goldenSource(engine, "phi-4-mini");
    const name = "base_model.model.lm_head.base_layer.weight";
    const own = await openSafetensors(tied);
    const table = await own.toFloat32("model.embed_tokens.weight");
    const shape = own.tensors.get("model.embed_tokens.weight")?.shape ?? [];
    await own.close();
    const head = await filesOf(engine, "test/fixtures/adapters/phi-4-mini-head");
    const withCopy = (copy: Float32Array, its = shape) => {
      const data: Record<string, TensorData> = { [name]: { dtype: "F32", shape: its, data: copy } };
      const factors = readTensors(head.get(WEIGHTS) as Uint8Array<ArrayBuffer>);
      for (const [key, { shape, data: values }] of factors) data[key] = { dtype: "F32", shape, data: values };
      return bytesSource({ [CONFIG]: head.get(CONFIG) as Uint8Array, [WEIGHTS]: writeSafetensors(data) });
    };
    const logits = async (source: Source, events: { loaded: number; total: number }[] = []) => {
      const phi = await loadPhi(tied, { adapters: { head: source }, onProgress: (e) => events.push(e) });
      const out = await phi.forward([1, 2, 3], { adapter: "head" });
      await phi.dispose();
      return out;
    };
    const events: { loaded: number; total: number }[] = [];
    assert.deepEqual(await logits(withCopy(table), events), await logits(bytesSource(Object.fromEntries(head))));
    assert.equal(events.at(-1)?.loaded, events.at(-1)?.total);
    const other = table.slice();
    other[shape[1] + 2] += 1;
    await assert.rejects(logits(withCopy(other)), FormatError, /table that differs from it.* in row 1, column 2/);
    const grown = [shape[0] + 1, shape[1]];
    const longer = withCopy(new Float32Array(grown[0] * grown[1]), grown);
    await assert.rejects(logits(longer), FormatError, /a copy of the model's table in another shape/);
  });

  test("NaN and infinity in a factor are FormatErrors that name the place", async () => {
    for (const [bad, half] of [
      [Number.NaN, "A"],
      [-Infinity, "B"],
    ] as const) {
      const key = `${at}.lora_${half}.weight`;
      const source = changed({}, (t) => {
        const { data, shape } = t.get(key) as { shape: number[]; data: Float32Array };
        data[shape[1] + 2] = bad;
      });
      const error = (await assert.rejects(
        load(source),
        FormatError,
        new RegExp(`got "${bad} in row 1, column 2"`),
      )) as FormatError;
      assert.deepEqual([error.code, error.tensor], ["non_finite_weight", key]);
    }
  });

  test("a folder without an adapter, one with pickled weights, bytes, a list and a nameless one are refused by what they are", async () => {
    await assert.rejects(load(bytesSource({ "a.json": new Uint8Array(2) })), SourceError, /adapter_config\.json/);
    const config = whole.get(CONFIG) as Uint8Array;
    const pickled = bytesSource({ [CONFIG]: config, "adapter_model.bin": new Uint8Array(9) });
    await assert.rejects(load(pickled), SourceError, /adapter "mine" is pickled, which is not read/);
    await assert.rejects(load(whole.get(WEIGHTS)), OptionError, /loadPhi: adapter "mine": cannot read from this/);
    await assert.rejects(
      loadPhi(baseSource(engine, base), { adapters: [] as unknown as AdapterSources }),
      OptionError,
      /option "adapters"/,
    );
    for (const bad of ["", "a\nb", "x".repeat(101)]) {
      const adapters = { [bad]: adapterFolder(engine, name) };
      await assert.rejects(loadPhi(baseSource(engine, base), { adapters }), OptionError, /option "adapters": a name/);
    }
  });

  test("true for an adapter that the checkpoint lacks is a FormatError that says which it has", async () => {
    await assert.rejects(
      load(true),
      FormatError,
      /the checkpoint itself has no such adapter; got "mine"; expected .*none/,
    );
    const multimodal = loadPhi(goldenSource(engine, "phi-4-multimodal-hub-names"), { adapters: { audio: true } });
    await assert.rejects(multimodal, FormatError, /got "audio"; expected one of (vision, speech|speech, vision)/);
  });
});

function move(t: Tensors, from: string, to: string): void {
  for (const [key, value] of [...t]) {
    if (!key.startsWith(from)) continue;
    t.delete(key);
    t.set(key.replace(from, to), value);
  }
}

function copy(t: Tensors, from: string, to: string): void {
  t.set(to, t.get(from) as { shape: number[]; data: Float32Array });
}

function reshape(t: Tensors, key: string, shape: number[]): void {
  t.set(key, {
    shape,
    data: randomFloats(
      1,
      shape.reduce((n, d) => n * d, 1),
    ),
  });
}
