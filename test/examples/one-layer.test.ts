import { firstLayer } from "../../examples/one-layer.ts";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { goldenFolder, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";

suite("examples/one-layer", ({ test, assert, engine }) => {
  test("equals Hugging Face's hidden state after layer 0 of the goldens phi-4 and phi-3-medium within 5e-5", async () => {
    for (const name of ["phi-4", "phi-3-medium"] as const) {
      const { prompts } = await openGolden(engine, name);
      const traced = prompts.filter((p) => p.hidden);
      assert.ok(traced.length > 0);
      for (const { ids, hidden } of traced) {
        const x = await firstLayer(inProject(goldenFolder(name)), ids);
        assert.close(x.f32, hidden?.get("layer0") ?? [], 5e-5, name);
      }
    }
  });

  test("runs on phi-tiny, and a token's row does not depend on the tokens after it", async () => {
    const long = await firstLayer(PHI_TINY, [11, 22, 33, 44, 55]);
    const short = await firstLayer(PHI_TINY, [11, 22, 33]);
    assert.deepEqual(short.shape, [3, 256]);
    assert.ok(short.f32.every(Number.isFinite));
    assert.deepEqual([...long.rows(0, 3).f32], [...short.f32]);
  });
});
