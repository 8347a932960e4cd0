import { readFileSync } from "node:fs";
import type { Parts } from "../../../../examples/plain-phi3.ts";
import { assert } from "../../../../test/assert.ts";
import { inProject } from "../../../../test/engines/disk.ts";
import { goldenFolder } from "../../../../test/golden.ts";
import type { Exercise } from "../claims.ts";
import { checkLogits } from "../goldens.ts";
import type { LongRopeConfig } from "./stub.ts";

type Name = "phi-3-mini-128k" | "phi-4-mini" | "phi-3.5-moe";
const readJson = (name: Name, file: string) =>
  JSON.parse(readFileSync(inProject(`${goldenFolder(name)}/${file}`), "utf8"));

/** What a golden's config.json says. */
function configOf(name: Name): LongRopeConfig {
  const config = readJson(name, "config.json");
  const rope = config.rope_parameters;
  const dh = config.hidden_size / config.num_attention_heads;
  return {
    theta: rope.rope_theta,
    R: dh * (rope.partial_rotary_factor ?? 1),
    shortFactor: rope.short_factor,
    longFactor: rope.long_factor,
    originalContext: rope.original_max_position_embeddings,
    contextLength: config.max_position_embeddings,
    ...(rope.short_mscale && { mscale: { short: rope.short_mscale, long: rope.long_mscale } }),
  };
}

/** What transformers made of it. */
interface Facts {
  inv_freq_short_or_default: number[];
  inv_freq_long: number[];
  attention_scaling: number | null;
}
const factsOf = (name: Name): Facts => readJson(name, "golden.json").facts;

/** Float32 has 24 bits: that is as near as transformers' figures are to anything. */
const close = (got: ArrayLike<number>, expected: readonly number[], note: string) => {
  const ratios = Array.from(got, (value, i) => value / expected[i]);
  assert.close(
    ratios,
    expected.map(() => 1),
    1e-6,
    `${note}: of Hugging Face's`,
  );
};

const turning =
  (longRope: typeof import("./stub.ts").longRope, name: Name) =>
  (length: number): Parts => {
    const config = configOf(name);
    const { frequencies, scale } = longRope(config, length);
    return {
      rotate(head, position) {
        const out = head.slice();
        frequencies.forEach((frequency, i) => {
          const [cos, sin] = [scale * Math.cos(position * frequency), scale * Math.sin(position * frequency)];
          const j = i + config.R / 2;
          out[i] = head[i] * cos - head[j] * sin;
          out[j] = head[j] * cos + head[i] * sin;
        });
        return out;
      },
    };
  };

export const exercise: Exercise<typeof import("./stub.ts")> = {
  title: "choose LongRoPE's factors and scale",
  claims: [
    {
      claim:
        "up to originalContext tokens the frequencies are Hugging Face's with the short factors (Phi-3-mini-128k, Phi-4-mini, Phi-3.5-MoE)",
      check({ longRope }) {
        for (const name of ["phi-3-mini-128k", "phi-4-mini", "phi-3.5-moe"] as const) {
          for (const length of [1, 31, 32]) {
            const { frequencies } = longRope(configOf(name), length);
            close(frequencies, factsOf(name).inv_freq_short_or_default, `${name}, ${length} tokens`);
          }
        }
      },
    },
    {
      claim: "from one token more they are those with the long factors",
      check({ longRope }) {
        for (const name of ["phi-3-mini-128k", "phi-4-mini", "phi-3.5-moe"] as const) {
          for (const length of [33, 100]) {
            close(
              longRope(configOf(name), length).frequencies,
              factsOf(name).inv_freq_long,
              `${name}, ${length} tokens`,
            );
          }
        }
      },
    },
    {
      claim:
        "the scale is the same on both sides: 1.190238 for 131072 tokens stretched from 4096, and 1 where nothing is stretched",
      check({ longRope }) {
        const config = { ...configOf("phi-3-mini-128k"), originalContext: 4096, contextLength: 131072 };
        for (const length of [4096, 4097]) assert.close([longRope(config, length).scale], [1.190238], 1e-6);
        assert.equal(longRope({ ...config, contextLength: 4096 }, 100).scale, 1);
        for (const name of ["phi-3-mini-128k", "phi-4-mini"] as const)
          close([longRope(configOf(name), 5).scale], [factsOf(name).attention_scaling ?? 0], name);
      },
    },
    {
      claim: "a stated scale counts instead, each for its own set (Phi-3.5-MoE)",
      check({ longRope }) {
        assert.equal(longRope(configOf("phi-3.5-moe"), 32).scale, 1.1);
        assert.equal(longRope(configOf("phi-3.5-moe"), 33).scale, 1.243163121016122);
      },
    },
    {
      claim:
        "with it a whole model has Hugging Face's logits within 3e-4 at and above the switch (Phi-3-mini-128k, 32 and 33 tokens)",
      async check({ longRope }) {
        for (const prompt of ["len32", "len33"])
          await checkLogits("phi-3-mini-128k", prompt, turning(longRope, "phi-3-mini-128k"));
      },
    },
  ],
};
