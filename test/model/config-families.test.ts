import { ConfigError } from "../../src/errors.ts";
import { architectureOf } from "../../src/model/architectures.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import type { WeightSpec } from "../../src/model/weights.ts";
import { suite } from "../harness.ts";
import { phi2, phi4mini, phi35moe } from "./published.ts";

suite("model/config of phi, phimoe, phi4_multimodal", ({ test, assert }) => {
  /** Numbers in a model, and those that a token goes through. */
  const parameters = (json: object): [number, number] => {
    const config = parseConfig(json);
    const specs = architectureOf(config).weights(config);
    const sum = (use: (spec: WeightSpec) => number) => specs.reduce((n, s) => n + use(s) * s.rows * s.cols, 0);
    return [sum(() => 1), sum((s) => s.use ?? 1)];
  };

  test("Phi-2 as published: 80 dims a head, 32 of them rotary, no window, 2 779 683 840 parameters", () => {
    const c = parseConfig(phi2());
    assert.deepEqual([c.modelType, c.headDim, c.rotaryDim, c.slidingWindow], ["phi", 80, 32, 0]);
    assert.deepEqual([c.normEps, c.contextLength, c.qkNorm, c.longrope], [1e-5, 2048, false, undefined]);
    assert.deepEqual(parameters(phi2()), [2_779_683_840, 2_779_683_840]);
  });

  test("phi: what config.json leaves out is as in HF PhiConfig: half of a head rotates, context 2048, keys for every head", () => {
    const { partial_rotary_factor: _, max_position_embeddings: __, num_key_value_heads: ___, ...rest } = phi2();
    const c = parseConfig(rest);
    assert.deepEqual([c.rotaryDim, c.contextLength, c.kvHeads], [40, 2048, 32]);
  });

  test("Phi-3.5-MoE as published: 16 experts, two chosen, jitter 0.01, biases, both scales 1.243163; 41 873 153 344 parameters, 6.64 billion of them for a token", () => {
    const c = parseConfig(phi35moe());
    assert.deepEqual([c.modelType, c.headDim, c.rotaryDim, c.slidingWindow], ["phimoe", 128, 128, 131072]);
    assert.deepEqual(c.experts, { count: 16, chosen: 2, jitter: 0.01 });
    assert.deepEqual([c.attentionBias, c.headBias], [true, true]);
    const scale = 1.243163121016122;
    assert.deepEqual(c.longrope?.attentionFactor, { short: scale, long: scale });
    const [all, active] = parameters(phi35moe());
    assert.equal(all, 41_873_153_344);
    assert.close([active], [6.641e9], 1e6);
  });

  test("phimoe without LongRoPE, with heads of its own width and no biases, as the small ones may be", () => {
    const c = parseConfig({
      ...phi35moe(),
      ...{ rope_scaling: null, head_dim: 64, attention_bias: false, lm_head_bias: undefined, sliding_window: 2047 },
    });
    assert.deepEqual([c.headDim, c.longrope, c.slidingWindow], [64, undefined, 2047]);
    assert.deepEqual([c.attentionBias, c.headBias], [false, false]);
  });

  test("Phi-4-multimodal is one model by both its names, Microsoft's and transformers', and reads what phi3 reads", () => {
    const names = [
      { model_type: "phi4mm", architectures: ["Phi4MMForCausalLM"], vision_lora: { r: 256 }, embd_layer: {} },
      {
        model_type: "phi4_multimodal",
        architectures: ["Phi4MultimodalForCausalLM"],
        vision_config: {},
        audio_config: {},
      },
    ];
    const [a, b] = names.map((change) => parseConfig({ ...phi4mini(), ...change }));
    assert.deepEqual(a, b);
    assert.deepEqual(a, { ...parseConfig(phi4mini()), modelType: "phi4_multimodal" });
  });

  const refusedOf: [string, object, RegExp][] = [
    [
      "the early form of Phi-2",
      { ...phi2(), model_type: "phi-msft", architectures: ["PhiForCausalLM"] },
      /early form.*phi/,
    ],
    ["phi with another activation", { ...phi2(), hidden_act: "gelu" }, /hidden_act.*gelu/],
    ["phi with a window", { ...phi2(), sliding_window: 100 }, /sliding_window/],
    ["phi with qk_layernorm that is neither true nor false", { ...phi2(), qk_layernorm: "yes" }, /qk_layernorm/],
    ["phi with scaled rope", { ...phi2(), rope_scaling: { type: "dynamic", factor: 2 } }, /dynamic/],
    ["phimoe with three experts for a token", { ...phi35moe(), num_experts_per_tok: 3 }, /num_experts_per_tok.*3/],
    ["phimoe with one expert", { ...phi35moe(), num_local_experts: 1 }, /num_local_experts.*from 2/],
    ["phimoe with a strange jitter", { ...phi35moe(), router_jitter_noise: 2 }, /router_jitter_noise/],
    ["phi3 with phimoe's scales", { ...phi4mini(), rope_scaling: { ...phi35moe().rope_scaling } }, /short_mscale/],
  ];
  for (const [what, json, message] of refusedOf) {
    test(`refuses ${what}, naming it`, () => {
      assert.throws(() => parseConfig(json), ConfigError, message);
    });
  }
});
