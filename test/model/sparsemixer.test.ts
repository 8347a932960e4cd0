import { sparsemixer } from "../../src/model/sparsemixer.ts";
import { readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";

interface Case {
  experts: number;
  jitter: number;
  scores: number[];
  chosen: number[];
  weights: number[];
}

function choose(scores: number[], E: number, jitter: number): { chosen: number[]; weights: number[] } {
  const T = scores.length / E;
  const [chosen, weights] = [new Int32Array(2 * T), new Float32Array(2 * T)];
  sparsemixer(chosen, weights, Float32Array.from(scores), E, jitter);
  return { chosen: [...chosen], weights: [...weights] };
}

suite("model/sparsemixer", ({ test, assert, engine }) => {
  test("192 rows of 2 to 16 scores, near each other, equal, negative: HF's experts, and its weights within 2e-7", async () => {
    const cases = await readFixtureJson<Case[]>(engine, "sparsemixer.json");
    assert.equal(cases.length, 6);
    for (const { experts, jitter, scores, ...expected } of cases) {
      const got = choose(scores, experts, jitter);
      const note = `${experts} experts, jitter ${jitter}`;
      assert.deepEqual(got.chosen, expected.chosen, note);
      assert.close(got.weights, expected.weights, 2e-7, note);
    }
  });

  test("weights are not brought to a sum of 1: far from the others each is 1, two equal scores are a half, then 1", () => {
    assert.deepEqual(choose([5, 1, 3, 0], 4, 0.01), { chosen: [0, 2], weights: [1, 1] });
    assert.deepEqual(choose([2, 1, 2, 0], 4, 0.01), { chosen: [0, 2], weights: [0.5, 1] });
  });

  test("scores that are NaN or infinite still give two different experts", () => {
    for (const scores of [
      [NaN, NaN, NaN],
      [NaN, 1, 2],
      [Infinity, Infinity, 0],
      [-Infinity, -Infinity, -Infinity],
    ]) {
      const { chosen } = choose(scores, 3, 0.01);
      assert.ok(chosen[0] !== chosen[1] && chosen.every((e) => e >= 0 && e < 3), `${scores}: ${chosen}`);
    }
  });
});
