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
