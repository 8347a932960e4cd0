import { loadPhi } from "../../src/index.ts";
import { filesOf, phiTinyFolder, readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { logitsHash, models, nameOf, SETTINGS, sampleHash } from "./hashes.ts";

suite("loading: the same bits", async ({ test, assert, engine }) => {
  const committed = await readFixtureJson<Record<string, string>>(engine, "hashes.json");
  const base = await engine.server();
  const [tiny] = await models(engine);
  const [setting] = SETTINGS;
  const names = ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"];
  const files = await filesOf(engine, "models/phi-tiny", (name) => names.includes(name));
  const ways = {
    "from bytes": phiTinyFolder(engine),
    "from Blobs": Object.fromEntries([...files].map(([name, bytes]) => [name, new Blob([bytes])])),
    "over HTTP by ranges": `${base}/tiny/`,
    "over HTTP in one stream": `${base}/tiny/?norange`,
    "over HTTP and cut connections": `${base}/tiny/?cut=700000`,
  };
  for (const [way, input] of Object.entries(ways)) {
    test(`phi-tiny, loaded ${way}, has the committed hashes of logits and sampled tokens`, async () => {
      const phi = await loadPhi(input, { ...setting, kernels: "strict" });
      for (const [name, ids] of Object.entries(tiny.prompts)) {
        const key = `${tiny.name}, ${nameOf(setting)}, ${name}`;
        assert.equal(await logitsHash(phi, ids, ids.length), committed[`${key}: logits`], key);
        assert.equal(await sampleHash(phi, ids), committed[`${key}: sampled`], key);
      }
      await phi.dispose();
      engine.note(`loads ${way}`, "yes");
    });
  }
});
