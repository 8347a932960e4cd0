import { existsSync, readFileSync } from "node:fs";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { GOLDEN_CASES, inProject, openGolden } from "../golden.ts";
import { suite } from "../harness.ts";

/** Checkpoints of every Phi architecture and int4 packing lie beside the project where it is developed. */
const SHARED = [process.env.PHI_SHARED, inProject("../shared")].find(
  (path) => path && existsSync(`${path}/golden/index.json`),
);

suite("safetensors/goldens", ({ test, assert }) => {
  for (const name of GOLDEN_CASES) {
    test(`${name}: the checkpoint opens and has the tensors that golden.json lists, the goldens have their values`, async () => {
      const { folder, prompts } = openGolden(name);
      const model = await openSafetensors(folder);
      const listed: string[] = JSON.parse(readFileSync(`${folder}/golden.json`, "utf8")).facts.tensors;
      assert.deepEqual([...model.tensors.keys()].sort(), [...listed].sort());
      await model.close();
      const golden = await openSafetensors(`${folder}/golden.safetensors`);
      for (const { id, logits } of prompts) assert.deepEqual(await golden.toFloat32(`logits.${id}`), logits);
      await golden.close();
    });
  }

  test("phi-4-mini: 5 shards, 271 008 bf16 elements, all finite and within initialization's reach", async () => {
    const model = await openSafetensors(openGolden("phi-4-mini").folder);
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

  if (!SHARED) {
    test.skip("every other architecture's and int4 packing's checkpoint opens", "no ../shared beside the project");
    return;
  }
  const { cases } = JSON.parse(readFileSync(`${SHARED}/golden/index.json`, "utf8")) as {
    cases: Record<string, { weights: string[] }>;
  };
  for (const [name, { weights }] of Object.entries(cases)) {
    for (const file of weights.filter((f) => f.endsWith(".safetensors"))) {
      test(`${name}/${file}: opens, and every byte behind the header belongs to a tensor`, async () => {
        const path = `${SHARED}/golden/${name}/${file}`;
        const opened = await openSafetensors(path);
        const bytes = [...opened.tensors.values()].reduce((n, t) => n + t.byteLength, 0);
        const raw = readFileSync(path);
        assert.equal(bytes, raw.length - 8 - Number(raw.readBigUInt64LE(0)));
        await opened.close();
      });
    }
  }
});
