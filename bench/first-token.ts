// How long after `import "phi-ts"` the first token of an answer is there, in a fresh process each time, and where the time goes:
//   npm run dist && node bench/first-token.ts [ROUNDS]          (Node 22.18 or newer; on Node 20 with --import tsx)
// What `npm start` does: phi-tiny, its first question, the flags that the `phi` command sets. Milliseconds, medians.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/** Runs in a process of its own. */
const CHILD = `
import { setEngineFlags } from "${new URL("dist/cli/engine-flags.js", root)}";
setEngineFlags();
const began = performance.now();
const { loadPhi } = await import("${new URL("dist/index.js", root)}");
const { moduleOf } = await import("${new URL("dist/kernels/wasm-module.js", root)}");
const { chooseKernels } = await import("${new URL("dist/kernels/choose.js", root)}");
const { REST: rest } = await import("${new URL("dist/kernels/rest.js", root)}");
const times = {};
let last = performance.now();
const start = last;
const lap = (name) => {
  const now = performance.now();
  times[name] = now - last;
  last = now;
};
times.import = start - began;
try { moduleOf("relaxed", { rest }); } catch { moduleOf("strict", { rest }); }
lap("compile");
chooseKernels("auto", { rest });
lap("known answers");
let phase;
const phi = await loadPhi("${fileURLToPath(new URL("models/phi-tiny", root))}", {
  onProgress(event) {
    if (phase === undefined) lap("headers");
    else if (phase === "files" && event.phase === "weights") lap("tokenizer");
    phase = event.phase;
  },
});
lap("weights");
for await (const { text } of phi.chat("Tom buys 4 notebooks for $3 each and pays with $20. How much change does he get?")) {
  if (text !== "") break;
}
lap("prompt and first token");
times["all after import"] = performance.now() - start;
console.log(JSON.stringify(times));
process.exit(0);
`;

const rounds = Number(process.argv[2] ?? 9);
const runs = Array.from({ length: rounds }, () => {
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", CHILD], { encoding: "utf8" });
  return JSON.parse(out) as Record<string, number>;
});
const sorted = (name: string) => runs.map((run) => run[name]).sort((a, b) => a - b);
console.log(`node ${process.versions.node}, ${rounds} processes`);
console.table(
  Object.keys(runs[0]).map((name) => {
    const all = sorted(name);
    return { what: name, "median ms": +all[all.length >> 1].toFixed(1), "least ms": +all[0].toFixed(1) };
  }),
);
