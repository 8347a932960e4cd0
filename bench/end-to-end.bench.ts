// A whole model: prompts of 128 and 512 tokens, 64 steps of decoding behind nothing and behind 2048 tokens, and how much of the machine's
// limits that is. bench/README.md says how to read it.
//   npm run bench -- end-to-end --preset phi-4-mini --threads 1,2 --kernels relaxed,strict --rounds 3 --save
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { loadPhi, type PhiOptions } from "../src/index.ts";
import { FORMS } from "../test/kernels/kinds.ts";
import { OPTIONS } from "./args.ts";
import { checkpointOf, MODELS } from "./end-to-end/checkpoint.ts";
import { type Cost, costOf } from "./end-to-end/cost.ts";
import { watchKernels } from "./end-to-end/kernel-time.ts";
import { CONTEXT, measure, type Samples } from "./end-to-end/measure.ts";
import { type Run, ratesOf } from "./end-to-end/rates.ts";
import { hugePageBytes, machine, watchOthers } from "./machine.ts";
import { ProbeTeam } from "./probe/team.ts";
import { type EndToEnd, save } from "./result.ts";

const { values: given } = parseArgs({
  args: [...OPTIONS],
  options: {
    preset: { type: "string", default: "phi-200m" }, // of scripts/checkpoint/presets.ts: made of random weights
    model: { type: "string" }, //                       or a checkpoint
    threads: { type: "string", default: "1,2" },
    kernels: { type: "string", default: "relaxed,strict" },
    rounds: { type: "string", default: "5" }, //        of prompts
    deep: { type: "string" }, //                        with which threads to decode behind 2048 tokens too; default: with all
    save: { type: "boolean", default: false }, //       to bench/results
    note: { type: "string" }, //                        to be saved with it
  },
});
const source = given.model ?? join(MODELS, await checkpointOf(given.preset));
const name = given.model === undefined ? given.preset : basename(given.model, ".safetensors");
const list = (text: string) => text.split(",").filter((part) => part !== "");

const runs: Run[] = [];
const best: Run[] = [];
/** Of logits, by what was computed: neither threads nor builds may change them. */
const hashes: Record<string, string> = {};
let hugePages = false;
let cost: Cost | undefined;
watchKernels();
const others = watchOthers();

const deep = list(given.deep ?? given.threads).map(Number);
for (const threads of list(given.threads).map(Number)) {
  for (const kernels of list(given.kernels) as ("relaxed" | "strict")[]) {
    const forms = FORMS.filter(({ build }) => build === kernels).map(({ form }) => form);
    const title = `${name}, ${threads} ${threads === 1 ? "thread" : "threads"}, ${kernels}`;
    if (forms.length === 0) {
      console.log(`\n${title}: this engine has no such kernels`);
      continue;
    }
    const options: PhiOptions = { kernels, threads, ...CONTEXT };
    const start = performance.now();
    const phi = await loadPhi(source, options);
    const seconds = (performance.now() - start) / 1000;
    const team = await ProbeTeam.open(threads, kernels);
    cost = costOf(phi);
    hugePages = hugePageBytes() > phi.memory.weights / 2;
    console.log(`\n${title}: loaded in ${seconds.toFixed(1)} s, ${hugePages ? "in huge pages" : "pages of 4 KiB"}`);
    const samples: Samples = await measure(phi, team, forms, {
      rounds: Number(given.rounds),
      deep: deep.includes(threads),
      hashes,
    });
    await team.close();
    await phi.dispose();
    console.log(
      `hashes of logits: ${Object.entries(hashes)
        .map((entry) => entry.join(" "))
        .join(", ")}`,
    );
    runs.push(ratesOf(samples, cost, { threads, kernels }));
    best.push(ratesOf(samples, cost, { threads, kernels }, 0.1));
    show(runs[runs.length - 1]);
  }
}

function show({ prompts, steps, stream, dots, outsideKernels, kernelCallsPerStep }: Run): void {
  const limits = Object.entries(dots).map(([form, rate]) => `${form} ${rate}`);
  console.log(`limits: stream ${stream} GB/s, dot products ${limits.join(", ")} GMAC/s`);
  console.table({
    ...Object.fromEntries(Object.entries(prompts).map(([T, rates]) => [`pp${T}`, rates])),
    ...Object.fromEntries(Object.entries(steps).map(([S, rates]) => [`tg64 at ${S}`, rates])),
  });
  console.log(`outside of kernels: ${(100 * outsideKernels).toFixed(2)} % of a step (${kernelCallsPerStep} calls)`);
}

if (given.save && cost) {
  const { weightBytes, layerMacs, headMacs } = cost;
  const result: EndToEnd = {
    bench: "end-to-end",
    ...machine(),
    hugePages,
    others: others(),
    note: given.note,
    model: { name, weightBytes, layerMacs, headMacs },
    hashes,
    runs,
    best,
  };
  save(name, result);
}
