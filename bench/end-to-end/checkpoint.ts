import { existsSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePacked } from "../../scripts/checkpoint/packed.ts";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { createFolder } from "../../src/platform/node.ts";

/** Where models for benches are kept. */
export const MODELS = join(tmpdir(), "phi-ts-bench");

/** The path below {@link MODELS} of a packed q4 file of random weights in a preset's shape, which is made once. */
export async function checkpointOf(preset: string): Promise<string> {
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new Error(`no preset "${preset}"; there are ${Object.keys(PRESETS).join(", ")}`);
  }
  const name = `${preset}.safetensors`;
  if (existsSync(join(MODELS, name))) return name;
  console.log(`making ${join(MODELS, name)} of random weights`);
  const folder = join(MODELS, "making");
  const { files } = await makePacked(await createFolder(folder), PRESETS[preset], "q4");
  // What was left half-made is not found under this name.
  renameSync(join(folder, files[0].name), join(MODELS, name));
  return name;
}
