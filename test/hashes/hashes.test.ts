import { readFileSync } from "node:fs";
import { inProject } from "../golden.ts";
import { suite } from "../harness.ts";
import { BUILDS } from "../kernels/kinds.ts";
import { logitsHash, models, nameOf, open, PACKED, packedHash, SETTINGS, sampleHash } from "./compute.ts";

const committed = JSON.parse(readFileSync(inProject("test/fixtures/hashes.json"), "utf8")) as Record<string, string>;

suite("hashes", ({ test, assert }) => {
  for (const [name, options] of PACKED) {
    const key = `${name}, packed with ${JSON.stringify(options)}`;
    test(`${key}: the file has the committed bytes`, async () => {
      const { folder } = models().find((m) => m.name === name) as { folder: string };
      assert.equal(await packedHash(folder, options), committed[key]);
    });
  }

  for (const model of models()) {
    for (const setting of SETTINGS) {
      // The builds differ in products of int8 only.
      for (const build of setting.activations === "int8" ? BUILDS : (["strict"] as const))
        test(`${model.name}, ${nameOf(setting)}, ${build}: logits and sampled tokens have the committed bits, however a prompt is cut`, async () => {
          const phi = await open(model, setting, { kernels: build });
          for (const [name, ids] of Object.entries(model.prompts)) {
            const key = `${model.name}, ${nameOf(setting)}, ${name}`;
            assert.equal(await logitsHash(phi, ids, ids.length), committed[`${key}: logits`], `${key}, at once`);
            for (const chunk of [1, 7, 33]) {
              assert.equal(await logitsHash(phi, ids, chunk), committed[`${key}: logits`], `${key}, cut by ${chunk}`);
            }
            assert.equal(await sampleHash(phi, ids), committed[`${key}: sampled`], `${key}, sampled`);
          }
          await phi.dispose();
        });
    }
    test(`${model.name}, ${nameOf(SETTINGS[0])}, off-thread: logits and sampled tokens have the same bits`, async () => {
      const phi = await open(model, SETTINGS[0], { worker: true });
      for (const [name, ids] of Object.entries(model.prompts)) {
        const key = `${model.name}, ${nameOf(SETTINGS[0])}, ${name}`;
        for (const chunk of [ids.length, 33]) {
          assert.equal(await logitsHash(phi, ids, chunk), committed[`${key}: logits`], `${key}, cut by ${chunk}`);
        }
        assert.equal(await sampleHash(phi, ids), committed[`${key}: sampled`], `${key}, sampled`);
      }
      await phi.dispose();
    });
  }
});
