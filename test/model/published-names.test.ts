import { parseConfig } from "../../src/model/parse-config.ts";
import { publishedModel } from "../../src/model/published.ts";
import { suite } from "../harness.ts";
import { phi2, phi4mini, phi35moe } from "./published.ts";

const sizes = (layers: number, hidden: number, heads: number, kvHeads: number, ffn: number, vocab: number) => ({
  num_hidden_layers: layers,
  hidden_size: hidden,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  intermediate_size: ffn,
  vocab_size: vocab,
});
const plain = { rope_scaling: null, partial_rotary_factor: 1, original_max_position_embeddings: 4096 };
const factors = (n: number) => ({ type: "longrope", short_factor: Array(n).fill(1), long_factor: Array(n).fill(2) });
const mini = { ...phi4mini(), ...plain, ...sizes(32, 3072, 32, 32, 8192, 32064), tie_word_embeddings: false };
const medium = { ...mini, ...sizes(40, 5120, 40, 10, 17920, 32064) };
const phi4 = { ...medium, vocab_size: 100352, max_position_embeddings: 16384, rope_theta: 250000 };
const moe = phi35moe();
const small = { ...moe, rope_scaling: null, max_position_embeddings: 4096, sliding_window: 2047 };

/** config.json as published, by the keys that concern the shape, and what the model is called. */
const MODELS: [name: string, config: object][] = [
  ["Phi-1 or Phi-1.5", { ...phi2(), ...sizes(24, 2048, 32, 32, 8192, 51200), partial_rotary_factor: 0.5 }],
  ["Phi-2", phi2()],
  ["Phi-3-mini-4k", { ...mini, max_position_embeddings: 4096, sliding_window: 2047 }],
  ["Phi-3-mini-128k or Phi-3.5-mini", { ...mini, rope_scaling: factors(48) }],
  ["Phi-3-medium-4k", { ...medium, max_position_embeddings: 4096, sliding_window: 2047 }],
  ["Phi-3-medium-128k", { ...medium, rope_scaling: factors(64) }],
  ["Phi-3.5-MoE", moe],
  ["Phi-mini-MoE", { ...small, intermediate_size: 960 }],
  ["Phi-tiny-MoE", { ...small, ...sizes(32, 4096, 16, 4, 448, 32064), head_dim: 128 }],
  ["Phi-4", phi4],
  ["Phi-4-reasoning", { ...phi4, max_position_embeddings: 32768, rope_theta: 500000 }],
  ["Phi-4-mini", phi4mini()],
  ["Phi-4-multimodal", { ...phi4mini(), model_type: "phi4mm", architectures: ["Phi4MMForCausalLM"] }],
];

suite("model/published names", async ({ test, assert }) => {
  for (const [name, config] of MODELS)
    test(`${name} is known by its shape`, () => {
      assert.deepEqual(publishedModel(parseConfig(config)), { name, exact: true });
    });

  test("the sizes of a published model with another context or theta are said to be its sizes only; other sizes have no name", () => {
    const name = (change: object) => publishedModel(parseConfig({ ...phi4, ...change }));
    assert.deepEqual(name({ max_position_embeddings: 65536 }), { name: "Phi-4 or Phi-4-reasoning", exact: false });
    assert.deepEqual(name({ rope_theta: 10000 }), { name: "Phi-4 or Phi-4-reasoning", exact: false });
    assert.equal(name({ num_hidden_layers: 39 }), undefined);
    assert.equal(name({ vocab_size: 100353 }), undefined);
  });
});
