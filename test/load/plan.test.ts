import { MemoryError } from "../../src/errors.ts";
import * as reference from "../../src/kernels/reference/index.ts";
import { allocate } from "../../src/load/allocate.ts";
import { MAX_ARENA_BYTES, type PlanInput, planArenas } from "../../src/load/plan.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { phi3 } from "../../src/model/phi3.ts";
import { Arena, KERNEL_RESERVE } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";

const REFERENCE = { kind: "reference", reference } as const;

const GIB = 2 ** 30;

const base = { model_type: "phi3", rms_norm_eps: 1e-5 };
const PHI_4_MINI = {
  ...base,
  ...{ hidden_size: 3072, intermediate_size: 8192, num_hidden_layers: 32, num_attention_heads: 24 },
  ...{ num_key_value_heads: 8, vocab_size: 200064, tie_word_embeddings: true, max_position_embeddings: 131072 },
};
const PHI_4 = {
  ...base,
  ...{ hidden_size: 5120, intermediate_size: 17920, num_hidden_layers: 40, num_attention_heads: 40 },
  ...{ num_key_value_heads: 10, vocab_size: 100352, tie_word_embeddings: false, max_position_embeddings: 16384 },
};
const TINY = {
  ...base,
  ...{ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 4, num_attention_heads: 4 },
  ...{ num_key_value_heads: 2, vocab_size: 100, tie_word_embeddings: false, max_position_embeddings: 512 },
};

function input(json: object, more: Partial<PlanInput> = {}): PlanInput {
  const config = parseConfig(json);
  const contextSize = more.contextSize ?? Math.min(4096, config.contextLength);
  return {
    ...{
      config,
      architecture: phi3,
      specs: phi3.weights(config),
      format: "q4",
      activations: "int8",
      kv: "f32",
      contextSize,
      kvTokens: contextSize,
    },
    ...{ maxChunk: 32, maxArenaBytes: MAX_ARENA_BYTES },
    ...more,
  };
}

suite("load/plan", ({ test, assert }) => {
  test("Phi-4-mini at q4: one arena, weights 2.01 GiB, f32 KV of 4096 tokens 1 GiB, about 3 GiB in all", () => {
    const plan = planArenas(input(PHI_4_MINI));
    assert.equal(plan.arenas.length, 1);
    assert.close([plan.total.weights / GIB], [2.01], 0.005);
    assert.equal(plan.total.kv, GIB);
    assert.close([plan.total.bytes / GIB], [3.05], 0.05);
    const int8 = planArenas(input(PHI_4_MINI, { kv: "int8" }));
    assert.equal(int8.total.kv, (GIB / 4) * (132 / 128)); // a byte for each of 128 dims, and 4 for the scale
    assert.equal(plan.total.bytes - int8.total.bytes, plan.total.kv - int8.total.kv);
  });

  test("Phi-4 14B at q4 is a longer list: every layer in one arena, each arena within the limit, nothing lost", () => {
    const plan = planArenas(input(PHI_4));
    assert.ok(plan.arenas.length >= 3, `${plan.arenas.length} arenas`);
    for (const a of plan.arenas) assert.atMost(a.bytes, MAX_ARENA_BYTES);
    assert.equal(
      plan.arenas.reduce((n, a) => n + a.layers, 0),
      40,
    );
    const names = plan.arenas.flatMap((a) => a.specs.map((s) => s.name));
    assert.deepEqual(
      names.sort(),
      phi3
        .weights(parseConfig(PHI_4))
        .map((s) => s.name)
        .sort(),
    );
    for (const a of plan.arenas) {
      for (const s of a.specs) {
        if (typeof s.place === "number") assert.equal(a.specs.filter((o) => o.place === s.place).length, 6);
      }
    }
  });

  test("a layer too large for an arena is refused with the largest contextSize, and that one passes; int8 keys allow more", () => {
    const maxArenaBytes = 4 * 2 ** 20;
    const big = { ...TINY, max_position_embeddings: 2 ** 20 };
    const most = (["f32", "int8"] as const).map((kv) => {
      const ask = input(big, { kv, contextSize: 2 ** 17, kvTokens: 2 ** 17, maxArenaBytes });
      const error = assert.throws(() => planArenas(ask), MemoryError, /contextSize \d+ would fit/) as MemoryError;
      const fits = error.contextSize ?? 0;
      assert.ok(fits >= 32, `${fits}`);
      planArenas({ ...ask, contextSize: fits, kvTokens: fits });
      assert.throws(() => planArenas({ ...ask, contextSize: fits + 32, kvTokens: fits + 32 }), MemoryError);
      return fits;
    });
    assert.ok(most[1] > 1.5 * most[0], `${most}`);
  });

  test("an arena is filled to the byte that was planned: what is allocated is what the plan says", () => {
    for (const json of [TINY, { ...TINY, tie_word_embeddings: true }]) {
      for (const [format, embedding, kv] of [
        ["q4", undefined, "int8"],
        ["q8", "q4", "f32"],
        ["f32", "q8", "int8"],
      ] as const) {
        const plan = planArenas(input(json, { format, embedding, kv, maxArenaBytes: 2 ** 20 + 260_000 }));
        assert.ok(plan.arenas.length > 1, "several arenas");
        const made: Arena[] = [];
        allocate(plan, REFERENCE, (bytes, name) => {
          const arena = new Arena(bytes - KERNEL_RESERVE, { name });
          made.push(arena);
          return arena;
        });
        made.forEach((arena, i) => {
          const { bytes, scratch } = plan.arenas[i];
          assert.ok(arena.mark() <= bytes, `${arena.mark()} of ${bytes}`);
          assert.ok(arena.mark() > bytes - scratch - 65536, "weights and caches lie before the scratch");
          assert.equal(arena.byteLength, bytes, "the memory is as large as planned");
        });
      }
    }
  });

  test("an engine that gives less memory: a typed error names the largest contextSize that fits, and it does", () => {
    const plan = planArenas(
      input({ ...TINY, max_position_embeddings: 65536 }, { contextSize: 65536, kvTokens: 65536 }),
    );
    const limit = 20 * 2 ** 20;
    const stingy = () => {
      let used = 0;
      return (bytes: number, name: string) => {
        if (used + bytes > limit) throw new MemoryError({ what: `${name}: no memory` });
        used += bytes;
        return new Arena(bytes - KERNEL_RESERVE, { name, wasm: false });
      };
    };
    const error = assert.throws(() => allocate(plan, REFERENCE, stingy()), MemoryError, /would fit/) as MemoryError;
    const contextSize = error.contextSize ?? 0;
    assert.ok(contextSize >= 1024, `${contextSize}`);
    allocate(planArenas({ ...plan, contextSize, kvTokens: contextSize }), REFERENCE, stingy());
  });
});
