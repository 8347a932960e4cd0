import { readFileSync } from "node:fs";
import { assert } from "../../../../test/assert.ts";
import { inProject } from "../../../../test/engines/disk.ts";
import type { Exercise } from "../claims.ts";
import { goldenPrompts } from "../goldens.ts";

/** Scores [T, E] and what transformers' router makes of them, [T, 2] each. */
interface Routed {
  experts: number;
  jitter: number;
  scores: number[];
  chosen: number[];
  weights: number[];
}

export const exercise: Exercise<typeof import("./stub.ts")> = {
  title: "choose two experts",
  claims: [
    {
      claim: "the two greatest scores win, the greater first; among equals the lower expert",
      check({ route }) {
        assert.deepEqual(route([0.1, 3, -1, 2], 0.01).experts, [1, 3]);
        assert.deepEqual(route([-5, -2, -9, -3], 0.01).experts, [1, 3]);
        assert.deepEqual(route([1, 2, 2, 2], 0.01).experts, [1, 2]);
      },
    },
    {
      claim: "where no score is near another both weights are 1: they are not brought to a sum of 1",
      check({ route }) {
        assert.deepEqual(route([0.1, 3, -1, 2], 0.01).weights, [1, 1]);
      },
    },
    {
      claim:
        "scores of 3 and 2.95 are near (1.7 %): the first weight is 1 / (1 + e^-0.05); the second's is 1, since the first no longer counts",
      check({ route }) {
        const { experts, weights } = route([0, 3, 1, 2.95], 0.01);
        assert.deepEqual(experts, [1, 3]);
        assert.close(weights, [1 / (1 + Math.exp(-0.05)), 1], 1e-6);
      },
    },
    {
      claim: "of three that are near, the first shares with two and the second with one",
      check({ route }) {
        const { weights } = route([3, 0, 2.98, 2.96], 0.01);
        assert.close(weights, [1 / (1 + Math.exp(-0.02) + Math.exp(-0.04)), 1 / (1 + Math.exp(-0.02))], 1e-6);
      },
    },
    {
      claim:
        "experts and weights are Hugging Face's: 192 tokens of 2 to 16 experts, many of their scores near each other, with jitter 0.01, 0.1 and 0",
      check({ route }) {
        const cases: Routed[] = JSON.parse(readFileSync(inProject("test/fixtures/sparsemixer.json"), "utf8"));
        for (const { experts: E, jitter, scores, chosen, weights } of cases) {
          for (let t = 0; t < scores.length / E; t++) {
            const note = `${E} experts, jitter ${jitter}, token ${t}`;
            const got = route(scores.slice(t * E, (t + 1) * E), jitter);
            assert.deepEqual(got.experts, chosen.slice(2 * t, 2 * t + 2), note);
            assert.close(got.weights, weights.slice(2 * t, 2 * t + 2), 1e-6, note);
          }
        }
      },
    },
    {
      claim: "and those of a whole model: every token in every layer of a random Phi-3.5-MoE",
      async check({ route }) {
        for (const { router } of (await goldenPrompts("phi-3.5-moe")).filter((p) => p.router?.length)) {
          for (const { logits, experts, weights } of router ?? []) {
            const E = logits.length / (experts.length / 2);
            for (let t = 0; t < experts.length / 2; t++) {
              const got = route(logits.subarray(t * E, (t + 1) * E), 0.01);
              assert.deepEqual(got.experts, [...experts.subarray(2 * t, 2 * t + 2)]);
              assert.close(got.weights, weights.subarray(2 * t, 2 * t + 2), 1e-6);
            }
          }
        }
      },
    },
  ],
};
