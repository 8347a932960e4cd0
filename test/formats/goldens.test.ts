import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { hasShared, readFixtureJson, readJson } from "../fixtures.ts";
import { GOLDEN_CASES, goldenSource, goldenTensors, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";

suite("safetensors/goldens", async ({ test, assert, engine }) => {
  for (const name of GOLDEN_CASES) {
    test(`${name}: the checkpoint opens and has the tensors that golden.json lists, the goldens have their values`, async () => {
      const { source, prompts } = await openGolden(engine, name);
      const model = await openSafetensors(source);
      const { facts } = await readFixtureJson<{ facts: { tensors: string[] } }>(engine, `golden/${name}/golden.json`);
      assert.deepEqual([...model.tensors.keys()].sort(), [...facts.tensors].sort());
      await model.close();
      const golden = await openSafetensors(await engine.read(goldenTensors(name)));
      for (const { id, logits } of prompts) assert.deepEqual(await golden.toFloat32(`logits.${id}`), logits);
      await golden.close();
    });
  }

  test("phi-4-mini: 5 shards, 271 008 bf16 elements, all finite and within initialization's reach", async () => {
    const model = await openSafetensors(goldenSource(engine, "phi-4-mini"));
    assert.equal(new Set([...model.tensors.values()].map((t) => t.file)).size, 5);
    let elements = 0;
    for (const { name, dtype } of model.tensors.values()) {
      assert.equal(dtype, "BF16");
      const values = await model.toFloat32(name);
      elements += values.length;
      assert.atMost(
        values.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
        8,
      );
    }
    assert.equal(elements, 271_008);
    await model.close();
  });

  // Checkpoints of every Phi architecture and int4 packing lie beside the project where it is developed.
  if (!(await hasShared(engine, "golden/index.json"))) {
    test.skip("every other architecture's and int4 packing's checkpoint opens", "no ../shared beside the project");
    return;
  }
  const { cases } = await readJson<{ cases: Record<string, { weights: string[] }> }>(
    engine,
    "shared/golden/index.json",
  );
  for (const [name, { weights }] of Object.entries(cases)) {
    for (const file of weights.filter((f) => f.endsWith(".safetensors"))) {
      test(`${name}/${file}: opens, and every byte behind the header belongs to a tensor`, async () => {
        const raw = await engine.read(`shared/golden/${name}/${file}`);
        const opened = await openSafetensors(raw);
        const bytes = [...opened.tensors.values()].reduce((n, t) => n + t.byteLength, 0);
        const header = new DataView(raw.buffer, raw.byteOffset).getBigUint64(0, true);
        assert.equal(bytes, raw.length - 8 - Number(header));
        await opened.close();
      });
    }
  }
});
