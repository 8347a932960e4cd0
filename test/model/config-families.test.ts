import { ConfigError } from "../../src/errors.ts";
import { architectureOf } from "../../src/model/every-architecture.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import type { WeightSpec } from "../../src/model/weights.ts";
import { suite } from "../harness.ts";
import { phi2, phi3small, phi4mini, phi35moe } from "./published.ts";

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

  test("Phi-3-small-8k as published: 7 392 272 384 parameters, θ 10^6, every second layer over 16 local blocks of 64 keys and stripes of 8 that differ by head, muP, 91 unused ids, tied", () => {
    const c = parseConfig(phi3small());
    assert.deepEqual([c.modelType, c.headDim, c.rotaryDim, c.ropeTheta], ["phi3small", 128, 128, 1e6]);
    assert.deepEqual(c.sparse, { pattern: { size: 64, local: 16, stride: 8, step: 1 }, denseEvery: 2 });
    assert.deepEqual([c.embeddingScale, c.attentionScale, c.logitScale, c.gateLimit], [10, 1 / 128, 1 / 8, 20]);
    assert.deepEqual([c.tiedEmbeddings, c.contextLength, c.longrope, c.normEps], [true, 8192, undefined, 1e-5]);
    assert.equal(c.unusedTokens?.length, 91);
    for (const id of [100256, 100258, 100260, 100265, 100267, 100276, 100351]) assert.ok(c.unusedTokens?.includes(id));
    for (const id of [100255, 100257, 100261, 100263, 100266]) assert.ok(!c.unusedTokens?.includes(id));
    assert.deepEqual(parameters(phi3small()), [7_392_272_384, 7_392_272_384]);
  });

  test("Phi-3-small-128k: LongRoPE from 8192 on; a scale that is stated counts, else cos and sin are multiplied by 1 below the switch and sqrt(1 + ln 16 / ln 8192) above", () => {
    const su = {
      type: "su",
      original_max_position_embeddings: 8192,
      short_factor: Array(64).fill(1),
      long_factor: Array(64).fill(2),
    };
    const of = (change: object) =>
      parseConfig({ ...phi3small(), max_position_embeddings: 131072, rope_scaling: { ...su, ...change } }).longrope;
    const computed = Math.sqrt(1 + Math.log(16) / Math.log(8192));
    assert.equal(of({})?.originalContext, 8192);
    for (const change of [{}, { short_mscale: -1, long_mscale: -1 }]) {
      assert.equal(of(change)?.attentionFactor.short, 1);
      assert.close([of(change)?.attentionFactor.long ?? 0], [computed], 1e-14);
    }
    assert.deepEqual(of({ short_mscale: 1.1, long_mscale: 1.2 })?.attentionFactor, { short: 1.1, long: 1.2 });
    // What stands at the top is not read by the model's own code.
    const top = { ...phi3small(), rope_scaling: su, original_max_position_embeddings: 4096 };
    assert.equal(parseConfig(top).longrope?.originalContext, 8192);
  });

  test("phi3small: what config.json leaves out is as in Phi3SmallConfig; null turns off what it may", () => {
    const { hidden_size, num_hidden_layers, num_attention_heads, vocab_size } = phi3small();
    const sizes = { hidden_size, num_hidden_layers, num_attention_heads, vocab_size };
    const named = { model_type: "phi3small", architectures: ["Phi3SmallForCausalLM"] };
    const { bosTokenId: _, ...published } = parseConfig(phi3small());
    assert.deepEqual(parseConfig({ ...named, ...sizes }), { ...published, eosTokenIds: [] });
    const off = { mup_embedding_multiplier: null, mup_width_multiplier: null, gegelu_limit: null };
    const c = parseConfig({
      ...phi3small(),
      ...{ ...off, dense_attention_every_n_layers: null, mup_use_scaling: false, blocksparse_homo_head_pattern: true },
    });
    assert.deepEqual([c.embeddingScale, c.attentionScale, c.logitScale, c.gateLimit], [1, undefined, 1, Infinity]);
    assert.deepEqual([c.sparse?.denseEvery, c.sparse?.pattern.step], [0, 0]);
    const wide = parseConfig({ ...phi3small(), blocksparse_vert_stride: 100 });
    assert.equal(wide.sparse?.pattern.step, 3); // ⌊100 / 32⌋
  });

  const refusedOf: [string, object, RegExp][] = [
    ["phi3small with another activation", { ...phi3small(), hidden_act: "silu" }, /hidden_act.*silu/],
    ["phi3small with scaled positions", { ...phi3small(), rope_position_scale: 2 }, /rope_position_scale.*2/],
    ["phi3small with a width by its multiplier", { ...phi3small(), ff_dim_multiplier: 4 }, /ff_dim_multiplier/],
    ["phi3small with blocks of 48 keys", { ...phi3small(), blocksparse_block_size: 48 }, /blocksparse.*48.*32/],
    ["phi3small with no local block", { ...phi3small(), blocksparse_num_local_blocks: 0 }, /num_local_blocks/],
    ["phi3small with a limit below 0", { ...phi3small(), gegelu_limit: -1 }, /gegelu_limit.*-1/],
    ["phi3small with a multiplier that is a text", { ...phi3small(), mup_width_multiplier: "8" }, /mup_width_multi/],
    ["phi3small with an unused id beyond its ids", { ...phi3small(), dummy_token_indices: [100352] }, /dummy_token/],
    [
      "phi3small with LongRoPE that does not say its original context",
      { ...phi3small(), rope_scaling: { type: "su", short_factor: [], long_factor: [] } },
      /original_max_position_embeddings/,
    ],
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
