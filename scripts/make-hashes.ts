// Writes test/fixtures/hashes.json, the hashes of logits, sampled tokens and packed files that every engine must give. They may change with a
// version, never with an engine: run this on purpose, and say so in the changelog.
//   node --import tsx --conditions=phi-ts-source scripts/make-hashes.ts
import { writeFileSync } from "node:fs";
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
} from "../test/conformance/hashes.ts";
import { diskEngine, inProject } from "../test/engines/disk.ts";

const engine = await diskEngine({ vitest: false, note: () => {} });
const hashes: Record<string, string> = {};
for (const packed of PACKED) hashes[packedName(packed)] = await packedHash(engine, packed);
for (const model of await models(engine)) {
  for (const setting of SETTINGS) {
    const phi = await open(model, setting);
    for (const [name, ids] of Object.entries(model.prompts)) {
      const key = `${model.name}, ${nameOf(setting)}, ${name}`;
      hashes[`${key}: logits`] = await logitsHash(phi, ids, ids.length);
      hashes[`${key}: sampled`] = await sampleHash(phi, ids);
    }
    await phi.dispose();
  }
  for (const setting of REFERENCE_SETTINGS) {
    const phi = await open(model, setting, { kernels: "reference" });
    const [name, ids] = model.short;
    const key = `${model.name}, ${nameOf(setting)}, ${name}, reference: logits`;
    hashes[key] = await logitsHash(phi, ids, ids.length);
    await phi.dispose();
  }
}
writeFileSync(inProject("test/fixtures/hashes.json"), `${JSON.stringify(hashes, undefined, 2)}\n`);
console.log(`${Object.keys(hashes).length} hashes written`);
