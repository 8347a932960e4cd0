import { loadPhi } from "../../src/index.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { GOLDEN_CASES, openGolden, openPhiTinyGolden } from "../golden.ts";
import { suite, unless } from "../harness.ts";
import { MODES, noMode } from "./phi-tiny.ts";

const KERNELS = ["reference", "strict"] as const;
const BOUND = { reference: 1.5e-4, strict: 3e-4 };

suite("api/golden", ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    for (const kernels of KERNELS) {
      test(`${name}, ${kernels}: phi.forward gives the reference's logits of all positions within ${BOUND[kernels]}`, async () => {
        const { source, prompts } = await openGolden(engine, name);
        const phi = await loadPhi(source, { weights: "f32", kernels });
        for (const { ids, logits, id } of prompts) {
          assert.close(await phi.forward(ids, { logits: "all" }), logits, BOUND[kernels], id);
        }
        await phi.dispose();
      });
    }

    for (const mode of MODES) {
      unless(noMode(mode, engine), test)(
        `${name}, ${mode.where}: phi.generate gives the reference's greedy tokens, across LongRoPE's switch too, which it reports`,
        async () => {
          const { source, prompts } = await openGolden(engine, name);
          const phi = await loadPhi(source, { weights: "f32", worker: mode.worker });
          for (const { ids, greedy, id } of prompts) {
            const result = await phi.generate(ids, { maxTokens: 24, ignoreEos: true }).result();
            assert.deepEqual(result.ids, greedy.tokens, id);
            assert.equal(result.reprefills.length, greedy.crossesSwitch ? 1 : 0, id);
          }
          await phi.dispose();
        },
      );
    }
  }

  test("phi-tiny at f32: generate gives the golden ids, the stop token last, and their text without it, cold and from the cache", async () => {
    const phi = await loadPhi(phiTinyFolder(engine), { weights: "f32" });
    for (const { prompt, promptIds, ids, text, logits } of (await openPhiTinyGolden(engine)).prompts) {
      const cold = await phi.generate(promptIds, { maxTokens: 64 }).result();
      assert.deepEqual(cold.ids, ids);
      const stopped = ids.length < 64;
      assert.equal(cold.finishReason, stopped ? "stop" : "length");
      assert.equal(cold.text, stopped ? text.replace(/<\|[a-z]+\|>$/, "") : text);
      const warm = await phi.generate(prompt, { maxTokens: 64, parseSpecialTokens: true }).result();
      assert.deepEqual(warm.ids, ids);
      assert.equal(warm.usage.cachedTokens, promptIds.length - 1);
      if (logits) assert.close(await phi.forward(promptIds), logits, 3e-4);
    }
    await phi.dispose();
  });
});
