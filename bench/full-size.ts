// Loads a checkpoint of any size and generates some tokens, and says what that took:
//   node --conditions=phi-ts-source --import tsx bench/full-size.ts FOLDER [--tokens 8] [--prompt 16] [--context 512] [--threads N] [--json]
//   bun --conditions=phi-ts-source bench/full-size.ts FOLDER
// The same checkpoint gives the same tokens and the same hash of logits on every engine. Checkpoints of random weights:
//   scripts/make-checkpoint.ts --preset phi-4-mini --out FOLDER                 Phi-4-mini as bf16, 7.7 GB
//   scripts/make-checkpoint.ts --preset phi-4 --packed q4 --out FOLDER          Phi-4 (14B) as packed q4, 8.3 GB
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { estimate, loadPhi } from "../src/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: "string", default: "8" },
    prompt: { type: "string", default: "16" },
    context: { type: "string", default: "512" },
    threads: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("which folder? see the head of this file");
const [tokens, promptTokens, contextSize] = [values.tokens, values.prompt, values.context].map(Number);

const threads = values.threads === undefined ? "auto" : Number(values.threads);

/** Bytes by a line of a file of Linux's /proc/self; undefined elsewhere. */
function proc(file: string, line: string): number | undefined {
  const path = `/proc/self/${file}`;
  if (!existsSync(path)) return undefined;
  const [, kB] = new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(readFileSync(path, "utf8")) ?? [];
  return kB === undefined ? undefined : Number(kB) * 1024;
}
const MiB = (bytes: number | undefined) => (bytes === undefined ? undefined : Math.round(bytes / 2 ** 20));
const round = (x: number, digits = 2) => Number(x.toFixed(digits));

const { bun, deno, node } = process.versions as Record<string, string | undefined>;
const planned = await estimate(folder, { contextSize, threads });

/** Seconds and resident bytes when the tokenizer had been read and the first weights were here. */
let begun: { ms: number; rss: number | undefined } | undefined;
const start = performance.now();
const phi = await loadPhi(folder, {
  contextSize,
  threads,
  onProgress({ phase }) {
    if (phase === "weights") begun ??= { ms: performance.now(), rss: proc("status", "VmRSS") };
  },
});
const loaded = performance.now();
const peak = proc("status", "VmHWM");
const anonymousHuge = proc("smaps_rollup", "AnonHugePages");

const prompt = Array.from({ length: promptTokens }, (_, i) => (i * 7919 + 11) % phi.config.vocabSize);
const sequence = await phi.sequence();
const hash = createHash("sha256");
const chosen: number[] = [];
let logits = await sequence.forward(prompt);
const prefilled = performance.now();
for (let i = 0; i < tokens; i++) {
  hash.update(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
  const best = logits.reduce((most, value, id) => (value > logits[most] ? id : most), 0);
  chosen.push(best);
  if (i < tokens - 1) logits = await sequence.forward([best]);
}
const done = performance.now();
await phi.dispose();

const seconds = (loaded - (begun?.ms ?? start)) / 1000;
const decoded = (done - prefilled) / 1000 / Math.max(1, tokens - 1);
const report = {
  engine: bun ? `bun ${bun}` : deno ? `deno ${deno}` : `node ${node}`,
  cpu: `${cpus()[0]?.model}, ${cpus().length} cores`,
  kernels: phi.kernels,
  threads: phi.threads,
  arenas: phi.memory.arenas.map(({ name, bytes, layers }) => `${name}: ${MiB(bytes)} MiB, ${layers} layers`),
  "estimated as loaded": JSON.stringify(planned.memory) === JSON.stringify(phi.memory),
  "tokenizer and headers, s": round(((begun?.ms ?? start) - start) / 1000),
  "weights, s": round(seconds),
  "source GB": round(planned.sourceBytes / 1e9),
  "source GB/s": round(planned.sourceBytes / 1e9 / seconds),
  "arenas, MiB": MiB(phi.memory.total),
  "resident before, MiB": MiB(begun?.rss),
  "resident peak, MiB": MiB(peak),
  "peak - before - arenas, MiB": peak && begun?.rss && MiB(peak - begun.rss - phi.memory.total),
  "in huge pages, MiB": MiB(anonymousHuge),
  "prefill, tokens/s": round(promptTokens / ((prefilled - loaded) / 1000)),
  "decode, tokens/s": round(1 / decoded),
  "decode, GB/s of weights": round(phi.memory.weights / 1e9 / decoded),
  tokens: chosen.join(" "),
  logits: hash.digest("hex").slice(0, 16),
};
if (values.json) console.log(JSON.stringify(report));
else
  for (const [name, value] of Object.entries(report))
    console.log(`${name.padEnd(28)} ${Array.isArray(value) ? value.join("; ") : value}`);
