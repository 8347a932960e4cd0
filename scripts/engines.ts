// Writes docs/engines.md from what the drivers have left in test/engines/results (npm run test:<engine>), all of them:
//   node --import tsx scripts/engines.ts            --check: only says whether the page has these features and hashes
// Features and hashes must be what stands on the page; versions of engines may have changed. How many tests pass is what each run prints.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { inProject } from "../test/engines/disk.ts";
import type { Result } from "../test/engines/result.ts";

const ENGINES = ["node20", "node22", "node24", "node26", "deno", "bun", "workerd", "chromium", "firefox"];
const PAGE = inProject("docs/engines.md");

const NAMES: Record<string, string> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
  chromium: "Chromium",
  firefox: "Firefox",
};
const nameOf = (key: string): string =>
  key
    .replace(/^[a-z]+/, (name) => `${NAMES[name] ?? name} `)
    .replace("-256", ", 256-bit")
    .trim();

function resultOf(key: string): Result {
  const file = inProject(`test/engines/results/${key}.json`);
  if (!existsSync(file)) throw new Error(`no result of ${key}: npm run test:${key}`);
  return JSON.parse(readFileSync(file, "utf8")) as Result;
}
const results = new Map(ENGINES.map((key) => [key, resultOf(key)]));
/** With V8's flag for pairs of vectors: other code of the same features, and the same hashes. */
const paired = new Map(["node24-256", "node26-256"].map((key) => [key, resultOf(key)]));
/** Of pages with cross-origin isolation. */
const isolated = new Map(["chromium", "firefox"].map((key) => [key, resultOf(`${key}-isolated`)]));
const each = <T>(f: (result: Result) => T): T[] => [...results.values()].map(f);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const yes = (value: unknown): string => (value ? "yes" : "–");

function threadsOf({ engine, notes }: Result): string {
  if (notes["several threads, in-thread"]) return "yes";
  return isolated.get(engine)?.notes["several threads, off-thread"] ? "in isolated pages, `worker: true`" : "–";
}

/** [row's name, its cell for an engine] */
const FEATURES: [string, (result: Result) => string][] = [
  ["WASM SIMD", ({ features }) => yes(features.simd)],
  ["relaxed SIMD", ({ features }) => yes(features.relaxedSimd)],
  // The tests set Node 20's flag, so that both builds are tested there; users have it only if they set it.
  [
    "kernels that `auto` takes",
    ({ features, notes }) =>
      features.relaxedSimd ? (notes["kernels that auto takes"] ?? "–") : "strict; relaxed behind a flag of V8",
  ],
  ["compiles WASM from bytes while it runs", ({ features }) => yes(features.compileBytes)],
  ["threads: `worker: true`", ({ notes }) => yes(notes["off-thread"])],
  ["memory shared between threads", ({ features }) => yes(features.sharedMemory)],
  ["several threads: `threads: 2`", threadsOf],
  ["loads from paths", ({ features }) => yes(features.files)],
  ["loads from bytes", ({ notes }) => yes(notes["loads from bytes"])],
  ["loads from Files and Blobs", ({ notes }) => yes(notes["loads from Blobs"])],
  ["loads from URLs by ranges", ({ notes }) => yes(notes["loads over HTTP by ranges"])],
  ["loads from URLs in one stream", ({ notes }) => yes(notes["loads over HTTP in one stream"])],
];

const features = table(
  ["", ...ENGINES.map(nameOf)],
  FEATURES.map(([name, cell]) => [name, ...each(cell)]),
);

/** A hash is a note "model, weights, activations, KV, prompt, kernels: what". */
const HASH = /^([^,]+), (\S+) weights, (\S+) activations, (\S+) KV, ([^,]+), (\w+): (logits|sampled)$/;

/** The one value that all engines give. @throws Error naming engines that give others, or none */
function common(key: string): string {
  const values = [...results, ...paired].flatMap(([engine, { notes }]) => (key in notes ? [[engine, notes[key]]] : []));
  const [first] = values;
  if (!first || values.some(([, value]) => value !== first[1])) throw new Error(`${key} differs: ${values.join("; ")}`);
  return first[1];
}

const keys = [...new Set(each(({ notes }) => Object.keys(notes).filter((key) => HASH.test(key))).flat())];
const byCase = new Map<string, Record<string, string>>();
for (const key of keys) {
  const [, model, weights, activations, kv, prompt, kernels, what] = HASH.exec(key) as RegExpExecArray;
  const row = [model, prompt, weights, activations, kv].join(" | ");
  const column = kernels === "reference" ? "reference" : what;
  const value = common(key);
  const cells = byCase.get(row) ?? {};
  if ((cells[column] ?? value) !== value) throw new Error(`${key}: the builds differ`);
  byCase.set(row, { ...cells, [column]: value });
}
const code = (hash: string | undefined): string => (hash === undefined ? "" : `\`${hash}\``);
const hashes = table(
  ["model", "prompt", "weights", "activations", "KV", "logits", "sampled tokens", "logits, reference kernels"],
  [...byCase].map(([row, { logits, sampled, reference }]) => [row, code(logits), code(sampled), code(reference)]),
);

/** Reasons for which tests were skipped, with their number. */
function skips({ skipped }: Result): string {
  const reasons = new Map<string, number>();
  for (const line of skipped) {
    const reason = /\(skipped: (.*)\)$/.exec(line)?.[1] ?? line;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons].map(([reason, n]) => `${n}: ${reason}`).join("<br>");
}

const hashesOf = ({ notes }: Result): number => Object.keys(notes).filter((key) => HASH.test(key)).length;
const tests = table(
  ["engine", "version", "hashes, all equal", "skipped, and why"],
  [...results, ...paired].map(([key, result]) => [nameOf(key), result.version, `${hashesOf(result)}`, skips(result)]),
);

const page = `# phi-ts on each engine

Generated by \`scripts/engines.ts\` from runs of the conformance suite; not written by hand. How to run it: [test/README.md](../test/README.md).

## What works where

${features}

Chromium and Firefox run a page without cross-origin isolation, as most pages are; what is said of isolated pages was run in such ones, and in workers of theirs. workerd has no threads and compiles no bytes while a request runs: import \`phi-ts/wasm/*.wasm\` there and give it by option \`wasm\`.

## Runs

${tests}

All suites that need neither a disk nor processes of their own run everywhere, with two exceptions: Node 22 and 24, between two that run all, run what depends on the engine (WASM, threads, workers, streams, files, hashes of whole models), and bounds that follow from equal bits are held on Node 20, Bun and Firefox. Node runs the others too, Deno and Bun those that are not about Node. \`test/engines/suites.ts\` has the lists.

## Wider vectors: a flag of V8

WebAssembly's vectors have 128 bits. V8 has an experimental flag, \`--experimental-wasm-revectorize\`, with which its optimizing compiler pairs operations on neighbouring ones to 256 bits (AVX2, so on x64 only); the kernels are written so that it can. The bits are the same: "256-bit" above are runs
with the flag, on code of that compiler from the first call on, and a test holds that it takes every function. Proven so are Node 24 (V8 13.6) and Node 26 (14.6); in Node 22 the flag has no effect. It holds for the whole process, and is experimental: with it V8 has failed on, and has miscompiled, former
versions of our kernels, so try it with what else your program runs. Therefore the library never sets it; it is the application's to say:

- \`node --experimental-wasm-revectorize app.js\`, or \`v8.setFlagsFromString("--experimental-wasm-revectorize")\` (\`node:v8\`) before anything is loaded; threads and workers have it too. \`NODE_OPTIONS\` does not take it.
- In Electron \`app.commandLine.appendSwitch("js-flags", "--experimental-wasm-revectorize")\`, in a Chromium that you start yourself \`--js-flags=--experimental-wasm-revectorize\`: untested by us. A page cannot ask for it.
- The \`phi\` command, \`npm start\` and the benches set it where it is proven, as they set \`--experimental-wasm-relaxed-simd\` on Node 20; with \`--verbose\` a command says so. \`PHI_NO_ENGINE_FLAGS=1\` switches both off, and so does \`node --no-experimental-wasm-revectorize\` the one; benches take \`--no-flags\`.

## The same bits

Each hash is the start of a SHA-256: of the logits of all positions of a prompt, and of 48 tokens sampled with every step of the sampler at work. In every row all engines above gave the same, with both WASM builds where they have both, and
for prompts forwarded at once and in pieces of 1, 7 and 33 tokens. The reference kernels, plain TypeScript, sum in float64: other bits than WASM's, and again the same on all engines.

${hashes}
`;

if (process.argv.includes("--check")) {
  const committed = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
  const missing = Object.entries({ features, hashes }).filter(([, text]) => !committed.includes(text));
  for (const [what, text] of missing) console.error(`docs/engines.md does not have these ${what}:\n${text}`);
  if (missing.length > 0) process.exit(1);
  console.log(`docs/engines.md has the features and ${byCase.size} rows of hashes of this run`);
} else {
  writeFileSync(PAGE, page);
  console.log(`docs/engines.md: ${results.size} engines, ${byCase.size} rows of hashes`);
}
