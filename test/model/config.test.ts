import { ConfigError } from "../../src/errors.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { readFixtureJson } from "../fixtures.ts";
import { GOLDEN_CASES } from "../golden.ts";
import { suite } from "../harness.ts";
import { phi4mini } from "./published.ts";

suite("model/config", ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    if (name === "phi-4-multimodal-hub-names" || name.startsWith("phi-3-small")) continue; // have one form only
    test(`${name}: the older and the newer form of config.json give the same model`, async () => {
      const newer = parseConfig(await readFixtureJson(engine, `golden/${name}/config.json`));
      const older = parseConfig(await readFixtureJson(engine, `golden/${name}/config.hub.json`));
      assert.deepEqual(newer, older);
    });
  }

  test("Phi-4-mini as published: 128 dims a head, 96 of them rotary, attention factor 1.190238, tied", () => {
    const c = parseConfig(phi4mini());
    assert.deepEqual([c.headDim, c.rotaryDim, c.heads, c.kvHeads, c.layers], [128, 96, 24, 8, 32]);
    assert.close([c.longrope?.attentionFactor.long ?? 0], [1.190238], 5e-7);
    assert.equal(c.tiedEmbeddings, true);
    assert.equal(c.slidingWindow, 262144);
    assert.equal(c.contextLength, 131072);
    assert.deepEqual(c.eosTokenIds, [199999]);
  });

  test("su and yarn with factor lists are LongRoPE, as HF Phi3Config reads them", () => {
    const scaling = { short_factor: Array(48).fill(1), long_factor: Array(48).fill(2) };
    const longrope = parseConfig(phi4mini());
    for (const type of ["su", "yarn"]) {
      assert.deepEqual(parseConfig({ ...phi4mini(), rope_scaling: { type, ...scaling } }), longrope);
    }
  });

  test("attention_factor, where given, is taken as it stands", () => {
    const rope_scaling = { ...(phi4mini().rope_scaling as object), attention_factor: 1.5 };
    assert.equal(parseConfig({ ...phi4mini(), rope_scaling }).longrope?.attentionFactor.short, 1.5);
  });

  test("factor takes the place of max / original in the attention factor, as in HF: sqrt(1 + ln factor / ln original)", () => {
    const rope_scaling = { ...(phi4mini().rope_scaling as object), factor: 2 };
    const c = parseConfig({ ...phi4mini(), rope_scaling });
    assert.close([c.longrope?.attentionFactor.long ?? 0], [Math.sqrt(1 + Math.log(2) / Math.log(4096))], 1e-15);
  });

  test("where a config says a thing twice, HF's choice counts: rope_scaling, and the original context at the top", () => {
    const published = phi4mini();
    const other = { rope_type: "longrope", short_factor: Array(48).fill(3), long_factor: Array(48).fill(4) };
    const rope_parameters = { ...other, rope_theta: 5, original_max_position_embeddings: 64 };
    assert.deepEqual(parseConfig({ ...published, rope_parameters }), parseConfig(published));
    const newer = parseConfig({ ...published, rope_scaling: {}, rope_parameters });
    assert.deepEqual([newer.ropeTheta, newer.longrope?.shortFactor[0], newer.longrope?.originalContext], [5, 3, 4096]);
    const alone = { ...published, rope_scaling: null, rope_parameters, original_max_position_embeddings: undefined };
    assert.equal(parseConfig(alone).longrope?.originalContext, 64);
  });

  const refused: [string, object, RegExp][] = [
    ["another architecture", { model_type: "qwen2", architectures: ["Qwen2ForCausalLM"] }, /qwen2, Qwen2ForCausalLM/],
    [
      "phi4flash, by the name of its models",
      { model_type: "phi4flash", architectures: ["Phi4FlashForCausalLM"] },
      /Phi-4-mini-flash-reasoning/,
    ],
    ["phimoe without its scales", { model_type: "phimoe", architectures: ["PhiMoEForCausalLM"] }, /short_mscale/],
    ["phi3 with another class", { architectures: ["Phi3SmallForCausalLM"] }, /Phi3SmallForCausalLM/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act.*gelu/],
    ["biases", { attention_bias: true }, /attention_bias/],
    ["yarn without factor lists", { rope_scaling: { type: "yarn", factor: 4 } }, /yarn/],
    ["linear scaling", { rope_scaling: { type: "linear", factor: 4 } }, /linear/],
    ["unknown rope keys", { rope_scaling: { type: "longrope", beta_fast: 32 } }, /beta_fast/],
    [
      "factor lists of another length",
      { rope_scaling: { type: "longrope", short_factor: [1], long_factor: [1] } },
      /48 positive/,
    ],
    [
      "factors that are not positive",
      { rope_scaling: { type: "longrope", short_factor: Array(48).fill(0), long_factor: Array(48).fill(1) } },
      /short_factor/,
    ],
    ["an odd number of rotary dims", { partial_rotary_factor: 0.39, rope_scaling: null }, /rotary/],
    ["more rotary dims than a head has", { partial_rotary_factor: 2, rope_scaling: null }, /rotary/],
    ["layers of two kinds", { layer_types: ["full_attention", "sliding_attention"] }, /layer_types/],
    ["heads that do not share keys evenly", { num_key_value_heads: 7 }, /num_key_value_heads/],
    ["a hidden size that heads do not divide", { hidden_size: 3073 }, /hidden_size/],
    ["no layers", { num_hidden_layers: 0 }, /num_hidden_layers/],
    ["a fractional size", { vocab_size: 1.5 }, /vocab_size/],
    ["a missing size", { hidden_size: undefined }, /hidden_size/],
    ["an absurd size", { vocab_size: 2 ** 40 }, /vocab_size/],
    ["an absurd number of layers", { num_hidden_layers: 1025 }, /num_hidden_layers.*1025.*1 to 1024/],
    ["an original context whose logarithm is 0", { original_max_position_embeddings: 1 }, /original_max/],
    ["a fractional original context", { original_max_position_embeddings: 99.5 }, /original_max/],
    ["a negative window", { sliding_window: -1 }, /sliding_window/],
    ["a strange epsilon", { rms_norm_eps: "1e-5" }, /rms_norm_eps/],
  ];
  for (const [what, change, message] of refused) {
    test(`refuses ${what}, naming it`, () => {
      assert.throws(() => parseConfig({ ...phi4mini(), ...change }), ConfigError, message);
    });
  }

  test("refuses what is no object", () => {
    for (const json of [null, 1, "x", []]) assert.throws(() => parseConfig(json), ConfigError);
  });

  test("ignores harmless keys it does not know", () => {
    assert.deepEqual(parseConfig({ ...phi4mini(), a_note: "hello", embd_pdrop: 0.1 }), parseConfig(phi4mini()));
  });
});
