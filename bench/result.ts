import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Run } from "./end-to-end/rates.ts";
import type { Machine } from "./machine.ts";

/** A file of bench/results. The figures in them are measured by the benches with `--save`, never written by hand. */
export interface Result extends Machine {
  bench: "end-to-end" | "ladder" | "peers";
  /** Whether most of the memory lay in huge pages. */
  hugePages: boolean;
  /** Processors that other programs had meanwhile, on average; where that is known. */
  others?: number;
  /** What else is to be known of the run, such as that the machine was not quiet. */
  note?: string;
}

/** Of bench/end-to-end.bench.ts. */
export interface EndToEnd extends Result {
  bench: "end-to-end";
  model: { name: string; weightBytes: number; layerMacs: number; headMacs: number };
  /** Of logits, FNV-1a: those of all runs. */
  hashes: Record<string, string>;
  /** Medians. */
  runs: Run[];
  /** The same settings by the best tenth of the samples, ours and the limits': what would be had if nothing else ran. */
  best: Run[];
}

/** Median, and what the best tenth of the rounds reach. */
export type Rates = readonly [median: number, best: number];

/** Of bench/ladder/ladder.bench.ts. */
export interface Ladder extends Result {
  bench: "ladder";
  /** "stream of 1", "stream of 4": GB/s; "dot products, FORM": GMAC/s. */
  limits: Record<string, Rates>;
  /** With one token GB/s of weights and GMAC/s, with 32 GMAC/s; absent where a rung takes no such number. */
  rungs: { name: string; gbPerS?: Rates; gmacPerS?: Rates; gmacPerS32?: Rates }[];
}

/** Tokens per second of a runtime: medians. */
export interface PeerRates {
  name: string;
  /** As the runtime tells it. */
  version: string;
  threads: number;
  /** By the prompt's length. */
  prompts: Record<number, number>;
  decode: number;
  /** Time on processors, all threads: of "ppT" and "decode"; only where the runtime is in the bench's own process. */
  cpuMsPerToken?: Record<string, number>;
}

/** Of bench/peers/run.ts. */
export interface Peers extends Result {
  bench: "peers";
  /** The preset of scripts/checkpoint/presets.ts whose shape all runtimes have. */
  model: string;
  /** Nanoseconds from core to core and back (round-trip.ts), before and after. */
  roundTrips?: (number | undefined)[];
  rates: PeerRates[];
}

const folder = fileURLToPath(new URL("results/", import.meta.url));

/** Whether V8 was asked to pair vectors to 256 bits. */
export const paired = ({ flags = [] }: Machine): boolean => flags.includes("--experimental-wasm-revectorize");

/** Writes bench/results/NAME-ENGINE-PAGES.json, with "-256" where vectors were paired. */
export function save(name: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  const engine = result.engine.toLowerCase().replace(/ (\d+).*/, "$1");
  const file = `${name}-${engine}-${result.hugePages ? "huge" : "4k"}${paired(result) ? "-256" : ""}.json`;
  writeFileSync(folder + file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`bench/results/${file} written`);
}

/** All saved results of a bench, in the order of their files' names. */
export function savedResults<R extends Result>(bench: R["bench"]): R[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files
    .sort()
    .map((file) => JSON.parse(readFileSync(folder + file, "utf8")) as R)
    .filter((result) => result.bench === bench);
}
