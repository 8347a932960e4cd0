import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { chunkTokens } from "../../src/load/chunk.ts";
import { architectureOf } from "../../src/model/every-architecture.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { suite } from "../harness.ts";

const chunkOf = (preset: string, contextSize = 4096) => {
  const config = parseConfig(PRESETS[preset].config);
  return chunkTokens(architectureOf(config).weights(config), contextSize);
};

suite("load/chunk", ({ test, assert }) => {
  test("a model of 200M takes 128 tokens at once, the small Phis 64 and more, all that are larger 32, experts or not", () => {
    const expected = { "phi-200m": 128, "phi-2": 96, "phi-3-mini-4k": 64, "phi-4-mini": 64 };
    const large = { "phi-4": 32, "phi-3-small": 32, "phi-3.5-moe": 32, "phi-mini-moe": 32 };
    assert.deepEqual(Object.fromEntries(Object.keys(PRESETS).map((name) => [name, chunkOf(name)])), {
      ...expected,
      ...large,
    });
  });

  test("a context that is shorter is taken whole", () => {
    assert.equal(chunkOf("phi-200m", 100), 100);
    assert.equal(chunkOf("phi-4-mini", 20), 20);
  });

  test("it is the layer with most weights that decides: 2^33 products at most, in multiples of 32", () => {
    const layer = (place: number, rows: number) =>
      ({ name: `${place}`, place, slot: "w", rows, cols: 2 ** 12, vector: false }) as const;
    const table = { ...layer(0, 2 ** 20), place: "embed" as const };
    assert.equal(chunkTokens([table, layer(0, 16), layer(1, 2 ** 15)], 4096), 64);
    assert.equal(chunkTokens([table, layer(0, 16), layer(1, 2 ** 15 + 1)], 4096), 32);
    assert.equal(chunkTokens([table, layer(0, 2 ** 14), layer(0, 1)], 4096), 96);
  });

  test("a model with few weights takes 32, too: a token for each 2^20 of them at most, in multiples of 32", () => {
    const layer = { name: "w", place: 0, slot: "w", rows: 2 ** 10, cols: 2 ** 10, vector: false } as const;
    const table = (rows: number) => ({ ...layer, place: "embed" as const, rows });
    assert.equal(chunkTokens([layer], 4096), 32);
    assert.equal(chunkTokens([table(63 * 2 ** 10), layer], 4096), 64);
    assert.equal(chunkTokens([table(63 * 2 ** 10 - 1), layer], 4096), 32);
    assert.equal(chunkTokens([table(2 ** 20), layer], 4096), 128);
  });
});
