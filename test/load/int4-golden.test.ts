import { loadPhi } from "../../src/index.ts";
import { INT4_CASES, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";
import { maxAbs } from "../metrics.ts";

/** Root of the mean squared difference, over that of what is expected. */
function relative(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (got[i] - expected[i]) ** 2;
    size += expected[i] ** 2;
  }
  return Math.sqrt(error / size);
}

suite("load/int4-golden", ({ test, assert, engine }) => {
  for (const name of INT4_CASES) {
    for (const options of [
      { activations: "f32" },
      { weights: "f32" },
      { activations: "f32", kernels: "reference" },
      { activations: "f32", threads: 1, kernels: "strict" },
    ] as const) {
      test(`${name}, ${JSON.stringify(options)}: logits of all prompts and positions within 3e-4 of those of the dequantized weights`, async () => {
        const { source, prompts } = await openGolden(engine, name);
        const phi = await loadPhi(source, options);
        for (const { ids, logits, id } of prompts) {
          const got = await phi.forward(ids, { logits: "all" });
          assert.atMost(maxAbs(got, logits), 3e-4, id);
        }
        await phi.dispose();
      });
    }

    test(`${name}: greedy continuations of 24 tokens equal HF's with float32 activations`, async () => {
      const { source, prompts } = await openGolden(engine, name);
      const phi = await loadPhi(source, { activations: "f32" });
      for (const { ids, greedy, id } of prompts) {
        const result = await phi.generate(ids, { maxTokens: 24, ignoreEos: true }).result();
        assert.deepEqual(result.ids, greedy.tokens, id);
      }
      await phi.dispose();
    });

    test(`${name}: with int8 activations the logits' relative error is at most 0.03`, async () => {
      const { source, prompts } = await openGolden(engine, name);
      const phi = await loadPhi(source);
      for (const { ids, logits, id } of prompts) {
        const got = await phi.forward(ids, { logits: "all" });
        assert.atMost(relative(got, logits), 0.03, id);
      }
      await phi.dispose();
    });
  }
});
