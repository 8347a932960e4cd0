import { ConfigError, FormatError } from "../../../src/errors.ts";
import { configOf, windowOf } from "../../../src/formats/gguf/checkpoint/config.ts";
import { Fields, shortest } from "../../../src/formats/gguf/checkpoint/fields.ts";
import { hubName } from "../../../src/formats/gguf/checkpoint/names.ts";
import { openGguf } from "../../../src/formats/gguf/index.ts";
import { parseConfig } from "../../../src/model/parse-config.ts";
import { readFixture, readFixtureJson } from "../../fixtures.ts";
import { suite } from "../../harness.ts";
import { craft, f32, text, u32, type Value } from "./craft.ts";

/** Metadata of an official shape; `over` replaces values, undefined leaves them out. */
const phi3 = (over: Record<string, Value | undefined> = {}) =>
  craft({
    metadata: Object.entries<Value | undefined>({
      "general.architecture": text("phi3"),
      "phi3.vocab_size": u32(32064),
      "phi3.context_length": u32(4096),
      "phi3.embedding_length": u32(3072),
      "phi3.feed_forward_length": u32(8192),
      "phi3.block_count": u32(32),
      "phi3.attention.head_count": u32(32),
      "phi3.attention.head_count_kv": u32(32),
      "phi3.attention.layer_norm_rms_epsilon": f32(1e-5),
      ...over,
    }).flatMap(([key, value]) => (value ? [[key, value] as const] : [])),
  });

const parsed = async (bytes: Uint8Array<ArrayBuffer>) => parseConfig(await configOf(await openGguf(bytes)));

suite("gguf/config", ({ test, assert, engine }) => {
  for (const [name, file] of [
    ["gguf-phi-4", "model.Q4_0.gguf"],
    ["gguf-phi-4-mini", "model.F16.gguf"],
    ["gguf-kquant", "model.Q6_K.gguf"],
  ]) {
    test(`${name}: the configuration is that of the config.json of which the file was made; LongRoPE's factors and scale to float32's precision`, async () => {
      const got = await parsed(await readFixture(engine, `golden/${name}/${file}`));
      const own = parseConfig(await readFixtureJson(engine, `golden/${name}/config.json`));
      for (const { longrope } of [got, own]) {
        if (!longrope) continue;
        const { short, long } = longrope.attentionFactor;
        longrope.attentionFactor = { short: Math.fround(short), long: Math.fround(long) };
        longrope.shortFactor = longrope.shortFactor.map(Math.fround);
        longrope.longFactor = longrope.longFactor.map(Math.fround);
      }
      // The metadata of these two state more ends of a turn, or the same as generation_config.json.
      assert.deepEqual(got.eosTokenIds.slice(0, 1), own.eosTokenIds.slice(0, 1));
      assert.deepEqual({ ...got, eosTokenIds: [] }, { ...own, eosTokenIds: [] });
    });
  }

  test("the shortest decimal of a float32: 0.00001, 250000, 3.023438; others keep their value", () => {
    for (const x of [1e-5, 250000, 3.023438, 0.1, 1.5, 131072]) assert.equal(shortest(Math.fround(x)), x);
    assert.equal(Math.fround(shortest(Math.fround(Math.PI))), Math.fround(Math.PI));
  });

  const window = async (over?: Record<string, Value | undefined>) =>
    windowOf(new Fields(await openGguf(phi3(over))), "phi3");

  test("Phi-3-mini's and -medium's shape at 4,096 tokens without a stated window: 2047, and a notice that names the model", async () => {
    const mini = await window();
    assert.equal(mini.window, 2047);
    assert.ok(/Phi-3-mini-4k.*2047/.test(mini.notice?.message ?? ""), mini.notice?.message);
    const medium = {
      "phi3.embedding_length": u32(5120),
      "phi3.feed_forward_length": u32(17920),
      "phi3.block_count": u32(40),
      "phi3.attention.head_count": u32(40),
      "phi3.attention.head_count_kv": u32(10),
    };
    assert.equal((await window(medium)).window, 2047);
    assert.ok(/Phi-3-medium-4k/.test((await window(medium)).notice?.message ?? ""));
    assert.equal((await parsed(phi3())).slidingWindow, 2047);
  });

  test("a stated window counts, 0 means none; other contexts and shapes have none; none of them has a notice", async () => {
    assert.deepEqual(await window({ "phi3.attention.sliding_window": u32(262144) }), { window: 262144 });
    assert.deepEqual(await window({ "phi3.attention.sliding_window": u32(0) }), { window: 0 });
    assert.deepEqual(await window({ "phi3.context_length": u32(131072) }), { window: 0 });
    assert.deepEqual(await window({ "phi3.embedding_length": u32(2048) }), { window: 0 });
  });

  test("what a file leaves out: theta 10000, all of a head rotates, as many key heads as heads", async () => {
    const config = await parsed(phi3({ "phi3.attention.head_count_kv": undefined }));
    assert.equal(config.ropeTheta, 10000);
    assert.equal(config.rotaryDim, 96);
    assert.equal(config.kvHeads, 32);
    assert.equal(config.tiedEmbeddings, true);
  });

  test("every even number of rotary dims of a head comes through", async () => {
    for (let dims = 2; dims <= 96; dims += 2)
      assert.equal((await parsed(phi3({ "phi3.rope.dimension_count": u32(dims) }))).rotaryDim, dims);
  });

  test("another architecture is refused by name, as are a missing size, a size that is a text, and another scaling of positions", async () => {
    const qwen = await assert.rejects(
      parsed(phi3({ "general.architecture": text("qwen2") })),
      ConfigError,
      /"qwen2".*phi2, phi3/,
    );
    assert.equal((qwen as ConfigError).code, "architecture");
    const missing = await assert.rejects(
      parsed(phi3({ "phi3.block_count": undefined })),
      FormatError,
      /lack phi3\.block_count/,
    );
    assert.equal((missing as FormatError).code, "gguf_missing");
    await assert.rejects(parsed(phi3({ "phi3.block_count": text("32") })), FormatError, /phi3\.block_count; got "32"/);
    const yarn = { "phi3.rope.scaling.type": text("yarn"), "phi3.rope.scaling.factor": f32(4) };
    await assert.rejects(parsed(phi3(yarn)), ConfigError, /yarn/);
  });

  test("names: of a layer, outside, with biases, of experts; what is not known stays as it is, in its layer", () => {
    assert.equal(hubName("phi3", "token_embd.weight"), "model.embed_tokens.weight");
    assert.equal(hubName("phi3", "blk.11.ffn_up.weight"), "model.layers.11.mlp.gate_up_proj.weight");
    assert.equal(hubName("phi2", "output_norm.bias"), "model.final_layernorm.bias");
    assert.equal(hubName("phi2", "blk.0.ffn_up.bias"), "model.layers.0.mlp.fc1.bias");
    assert.equal(
      hubName("phimoe", "blk.2.ffn_down_exps.weight"),
      "model.layers.2.block_sparse_moe.experts.*.w2.weight",
    );
    assert.equal(hubName("phi3", "rope_factors_long.weight"), undefined);
    assert.equal(hubName("phi3", "blk.3.attn_sinks.weight"), "model.layers.3.attn_sinks.weight");
    assert.equal(hubName("phi3", "output.scale"), "output.scale");
  });
});
