import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCheckpoint } from "../../scripts/checkpoint/make.ts";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { createFolder } from "../../src/platform/node.ts";

/** A folder of random weights of a preset's shape, made once and kept in the system's folder for temporary files. */
export async function checkpointOf(preset: string): Promise<string> {
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new Error(`no preset "${preset}"; there are ${Object.keys(PRESETS).join(", ")}`);
  }
  const folder = join(tmpdir(), "phi-ts-bench", preset);
  // It is written last: a folder without it was left half-made.
  const done = join(folder, "done.json");
  if (existsSync(done)) return folder;
  console.log(`making ${folder} of random weights`);
  const sink = await createFolder(folder);
  await makeCheckpoint(sink, PRESETS[preset]);
  const file = await sink.create("done.json");
  await file.write(new TextEncoder().encode("{}\n"));
  await file.close();
  return folder;
}
