import { GOLDEN_CASES, openEvals, openGolden, openPhiTinyGolden } from "./golden.ts";
import { suite } from "./harness.ts";

/** Index of the largest value in `logits[from … from + n)`, the lowest among equals. */
function argmax(logits: Float32Array, from: number, n: number): number {
  let best = from;
  for (let i = from; i < from + n; i++) if (logits[i] > logits[best]) best = i;
  return best - from;
}

suite("goldens", ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    test(`${name}: logits of every position are there, and greedy's tokens are the argmax of greedy's logits`, async () => {
      const { prompts, vocabSize: V } = await openGolden(engine, name);
      assert.ok(prompts.length >= 3 && prompts.some((p) => p.hidden));
      for (const { ids, logits, greedy } of prompts) {
        assert.equal(logits.length, ids.length * V);
        assert.equal(greedy.logits.length, greedy.tokens.length * V);
        assert.deepEqual(
          greedy.tokens.map((_, i) => argmax(greedy.logits, i * V, V)),
          greedy.tokens,
        );
        assert.equal(argmax(logits, (ids.length - 1) * V, V), greedy.tokens[0]);
      }
    });
  }

  test("phi-tiny: logits given for a prompt choose the first id of its continuation", async () => {
    const { prompts } = await openPhiTinyGolden(engine);
    const withLogits = prompts.filter((p) => p.logits);
    assert.equal(withLogits.length, 5);
    for (const { logits, ids } of withLogits) if (logits) assert.equal(argmax(logits, 0, logits.length), ids[0]);
  });

  test("evals: 300 problems and reference scores in 7 precisions are there", async () => {
    const { text, problems, results } = await openEvals(engine);
    assert.equal(problems.length, results.bf16.mini_gsm_total);
    assert.equal(Object.keys(results).length, 7);
    assert.equal(new TextEncoder().encode(text).length, 60178);
  });
});
