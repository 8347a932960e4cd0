import { parseConfig } from "../../src/model/parse-config.ts";
import { fillRope, inverseFrequencies, ropeRegime } from "../../src/model/rope.ts";
import { readFixtureJson } from "../fixtures.ts";
import { GOLDEN_CASES } from "../golden.ts";
import { suite } from "../harness.ts";

interface Facts {
  facts: {
    inv_freq_short_or_default: number[];
    inv_freq_long?: number[];
    /** null: what rope_parameters says of both sets. */
    attention_scaling: number | null;
    rope_parameters: { short_mscale?: number; long_mscale?: number };
  };
}

suite("model/rope", ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    test(`${name}: inverse frequencies equal the reference's within one float32 rounding (6e-8 relative)`, async () => {
      const config = parseConfig(await readFixtureJson(engine, `golden/${name}/config.json`));
      const { facts } = await readFixtureJson<Facts>(engine, `golden/${name}/golden.json`);
      const relative = (got: Float32Array, expected: number[]) =>
        Math.max(...[...got].map((g, i) => Math.abs(g / expected[i] - 1)));
      const short = inverseFrequencies(config, "short");
      assert.equal(short.length, facts.inv_freq_short_or_default.length);
      assert.atMost(relative(short, facts.inv_freq_short_or_default), 1.2e-7);
      if (facts.inv_freq_long) assert.atMost(relative(inverseFrequencies(config, "long"), facts.inv_freq_long), 1.2e-7);
      const { short: low, long: high } = config.longrope?.attentionFactor ?? { short: 1, long: 1 };
      const { short_mscale, long_mscale } = facts.rope_parameters;
      const stated = facts.attention_scaling;
      assert.close([low, high], [stated ?? short_mscale ?? 0, stated ?? long_mscale ?? 0], 1e-6);
    });
  }

  test("the regime is long from one token above the switch on, and always short without LongRoPE", async () => {
    const config = parseConfig(await readFixtureJson(engine, "golden/phi-4-mini/config.json"));
    assert.deepEqual(
      [31, 32, 33, 100].map((n) => ropeRegime(config, n)),
      ["short", "short", "long", "long"],
    );
    const phi4 = parseConfig(await readFixtureJson(engine, "golden/phi-4/config.json"));
    assert.equal(ropeRegime(phi4, 200), "short");
  });

  test("a table does not depend on where its chunk begins", async () => {
    const config = parseConfig(await readFixtureJson(engine, "golden/phi-4-mini/config.json"));
    const frequencies = inverseFrequencies(config, "long");
    const half = frequencies.length;
    const whole = [new Float32Array(100 * half), new Float32Array(100 * half)];
    fillRope(whole[0], whole[1], frequencies, 0, 100, 1.19);
    for (const [start, T] of [
      [0, 1],
      [7, 30],
      [99, 1],
    ]) {
      const part = [new Float32Array(T * half), new Float32Array(T * half)];
      fillRope(part[0], part[1], frequencies, start, T, 1.19);
      assert.deepEqual(part[0], whole[0].slice(start * half, (start + T) * half));
      assert.deepEqual(part[1], whole[1].slice(start * half, (start + T) * half));
    }
  });

  test("cos and sin equal the float64 ones of the float32 angle within one float32 rounding, up to position 131071", async () => {
    const config = parseConfig(await readFixtureJson(engine, "golden/phi-4/config.json"));
    const frequencies = inverseFrequencies(config, "short");
    const half = frequencies.length;
    const c = new Float32Array(half);
    const s = new Float32Array(half);
    for (const position of [0, 1, 4095, 65537, 131071]) {
      fillRope(c, s, frequencies, position, 1, 1);
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(frequencies[i] * position);
        assert.close([c[i], s[i]], [Math.cos(angle), Math.sin(angle)], 6e-8);
      }
    }
  });
});
