import type { AdapterSources } from "../src/index.ts";
import { folder, readFixture, readFixtureJson } from "./fixtures.ts";
import { readTensors } from "./golden.ts";
import type { Engine } from "./harness.ts";

/** A model with adapters at work, and what PEFT and transformers compute of it (test/fixtures/tools/adapters.py). */
export interface AdapterCase {
  case: string;
  /** A folder of golden/ or of llama/. */
  base: string;
  /** Scales by name; the names are folders of adapters/, but for "vision" and "speech". */
  adapters: Record<string, number>;
  ids: number[];
  /** [T, V] f32 */
  logits: Float32Array;
}

const FOLDER = "test/fixtures/adapters";

export async function adapterCases(engine: Engine): Promise<AdapterCase[]> {
  const cases = await readFixtureJson<Omit<AdapterCase, "logits">[]>(engine, "adapters/logits.json");
  const tensors = readTensors(await readFixture(engine, "adapters/logits.safetensors"));
  return cases.map((one) => ({ ...one, logits: tensors.get(one.case)?.data as Float32Array }));
}

/** Adapters by the names of their folders. */
export const adapterFolders = (engine: Engine, names: readonly string[]): AdapterSources =>
  Object.fromEntries(names.map((name) => [name, adapterFolder(engine, name)]));

export const adapterFolder = (engine: Engine, name: string) => folder(engine, `${FOLDER}/${name}`);

/** Where the checkpoint of a case lies. */
export const baseFolder = (name: string): string =>
  `test/fixtures/${name.endsWith("llama") ? "llama" : "golden"}/${name}`;

export const baseSource = (engine: Engine, name: string) => folder(engine, baseFolder(name));
