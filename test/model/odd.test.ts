import { loadPhi } from "../../src/index.ts";
import { folder, readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { maxAbs } from "../metrics.ts";

const CASES = ["phi-tied", "phi-grouped", "phimoe-4", "phimoe-16", "phi3small-alike", "phi3small-wide"];

suite("model/odd", ({ test, assert, engine }) => {
  for (const name of CASES) {
    const source = folder(engine, `test/fixtures/odd/${name}`);
    const expected = () => readFixtureJson<{ ids: number[]; logits: number[] }>(engine, `odd/${name}/expected.json`);

    for (const kernels of ["strict", "reference"] as const) {
      test(`${name}, ${kernels}: sizes that no published Phi has: logits of all positions within 5e-5 of the reference's`, async () => {
        const { ids, logits } = await expected();
        const phi = await loadPhi(source, { weights: "f32", kernels });
        assert.atMost(maxAbs(await phi.forward(ids, { logits: "all" }), logits), 5e-5);
        await phi.dispose();
      });
    }

    for (const weights of ["q8", "q4"] as const) {
      test(`${name}, ${weights}: the same bits however the tokens are cut`, async () => {
        const { ids } = await expected();
        const phi = await loadPhi(source, { weights });
        const whole = await phi.forward(ids, { logits: "all" });
        assert.ok(whole.every(Number.isFinite));
        const V = phi.config.vocabSize;
        const sequence = await phi.sequence();
        for (const [from, to] of [
          [0, 1],
          [1, 4],
          [4, 20],
          [20, 40],
          [40, ids.length],
        ].filter(([from, to]) => from < to))
          assert.deepEqual(
            await sequence.forward(ids.slice(from, to), { logits: "all" }),
            whole.subarray(from * V, to * V),
          );
        await phi.dispose();
      });
    }
  }
});
