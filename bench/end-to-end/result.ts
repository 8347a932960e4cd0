import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import type { Run } from "./rates.ts";

/** A file of bench/results. */
export interface Result extends Machine {
  /** Whether most of the memory lay in huge pages. */
  hugePages: boolean;
  /** What else is to be known of the run, such as that the machine was not quiet. */
  note?: string;
  model: { name: string; weightBytes: number; layerMacs: number; headMacs: number };
  /** Of logits, FNV-1a: those of all runs. */
  hashes: Record<string, string>;
  /** Medians. */
  runs: Run[];
  /** The same settings by the best tenth of the samples, ours and the limits': what would be had if nothing else ran. */
  best: Run[];
}

/** Writes bench/results/NAME-ENGINE-PAGES.json. */
export function save(name: string, hugePages: boolean, result: Machine): void {
  const folder = fileURLToPath(new URL("../results/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const engine = result.engine.toLowerCase().replace(/ (\d+).*/, "$1");
  const file = `${name}-${engine}-${hugePages ? "huge" : "4k"}.json`;
  writeFileSync(folder + file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`bench/results/${file} written`);
}
