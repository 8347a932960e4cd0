import { MODES, noMode } from "../api/phi-tiny.ts";
import { readFixtureJson } from "../fixtures.ts";
import { suite, unless } from "../harness.ts";
import { BUILDS } from "../kernels/kinds.ts";
import { noThreads } from "../threads/crew.ts";
import {
  logitsHash,
  models,
  nameOf,
  open,
  PACKED,
  packedHash,
  packedName,
  REFERENCE_SETTINGS,
  SETTINGS,
  sampleHash,
} from "./hashes.ts";

suite("hashes", async ({ test, assert, engine }) => {
  const committed = await readFixtureJson<Record<string, string>>(engine, "hashes.json");
  const offThread = unless(noMode(MODES[1], engine), test);
  const all = await models(engine);
  // In a page only a worker may lead.
  const { where, worker } = MODES[engine.features.waits ? 0 : 1];
  const threaded = unless(noThreads(engine), test);

  for (const packed of PACKED) {
    const key = packedName(packed);
    test(`${key}: the file has the committed bytes`, async () => {
      assert.equal(await packedHash(engine, packed), committed[key]);
    });
  }

  for (const model of all) {
    for (const setting of SETTINGS) {
      // The builds differ in products of int8 only.
      for (const build of setting.activations === "int8" ? BUILDS : (["strict"] as const))
        test(`${model.name}, ${nameOf(setting)}, ${build}: logits and sampled tokens have the committed bits, however a prompt is cut`, async () => {
          const phi = await open(model, setting, { kernels: build });
          for (const [i, [name, ids]] of Object.entries(model.prompts).entries()) {
            const key = `${model.name}, ${nameOf(setting)}, ${name}`;
            const logits = await logitsHash(phi, ids, ids.length);
            engine.note(`${key}, ${build}: logits`, logits);
            assert.equal(logits, committed[`${key}: logits`], `${key}, at once`);
            for (const chunk of i === 0 ? [1, 7, 33] : [7, 33]) {
              assert.equal(await logitsHash(phi, ids, chunk), committed[`${key}: logits`], `${key}, cut by ${chunk}`);
            }
            const sampled = await sampleHash(phi, ids);
            engine.note(`${key}, ${build}: sampled`, sampled);
            assert.equal(sampled, committed[`${key}: sampled`], `${key}, sampled`);
          }
          await phi.dispose();
        });
    }
    for (const setting of REFERENCE_SETTINGS)
      test(`${model.name}, ${nameOf(setting)}, reference kernels: logits have their own committed bits`, async () => {
        const phi = await open(model, setting, { kernels: "reference" });
        const [name, ids] = model.short;
        const key = `${model.name}, ${nameOf(setting)}, ${name}, reference: logits`;
        const logits = await logitsHash(phi, ids, ids.length);
        engine.note(key, logits);
        assert.equal(logits, committed[key], key);
        await phi.dispose();
      });
    threaded(
      `${model.name}, ${nameOf(SETTINGS[0])}, three threads, ${where}: logits and sampled tokens have the same bits`,
      async () => {
        const phi = await open(model, SETTINGS[0], { worker, threads: 3 });
        assert.equal(phi.threads, 3);
        for (const [name, ids] of Object.entries(model.prompts)) {
          const key = `${model.name}, ${nameOf(SETTINGS[0])}, ${name}`;
          for (const chunk of [ids.length, 7]) {
            assert.equal(await logitsHash(phi, ids, chunk), committed[`${key}: logits`], `${key}, cut by ${chunk}`);
          }
          assert.equal(await sampleHash(phi, ids), committed[`${key}: sampled`], `${key}, sampled`);
        }
        await phi.dispose();
      },
    );
    offThread(
      `${model.name}, ${nameOf(SETTINGS[0])}, off-thread: logits and sampled tokens have the same bits`,
      async () => {
        const phi = await open(model, SETTINGS[0], { worker: true });
        for (const [name, ids] of Object.entries(model.prompts)) {
          const key = `${model.name}, ${nameOf(SETTINGS[0])}, ${name}`;
          for (const chunk of [ids.length, 33]) {
            assert.equal(await logitsHash(phi, ids, chunk), committed[`${key}: logits`], `${key}, cut by ${chunk}`);
          }
          assert.equal(await sampleHash(phi, ids), committed[`${key}: sampled`], `${key}, sampled`);
        }
        await phi.dispose();
        engine.note("off-thread", "yes");
      },
    );
  }
});
