import { readFileSync } from "node:fs";
import { loadPhi } from "../../src/index.ts";
import { inProject } from "../golden.ts";
import { suite } from "../harness.ts";
import { logitsHash, models, nameOf, SETTINGS, sampleHash } from "../hashes/compute.ts";
import { startServer } from "./http-server.ts";
import { httpSuites } from "./http-suite.ts";

const base = await startServer();
httpSuites(base);

suite("source/http: the same bits", ({ test, assert }) => {
  const committed = JSON.parse(readFileSync(inProject("test/fixtures/hashes.json"), "utf8")) as Record<string, string>;
  const [tiny] = models();
  const [setting] = SETTINGS;
  const blobs = (names: string[]) =>
    Object.fromEntries(names.map((name) => [name, new Blob([readFileSync(`${tiny.folder}/${name}`)])]));
  const ways = {
    "by ranges": `${base}/tiny/`,
    "in one stream": `${base}/tiny/?norange`,
    "over cut connections": `${base}/tiny/?cut=700000`,
    "from Blobs": blobs(["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"]),
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
    });
  }
});
