// What threads cost and bring: a job given out and done, and steps of a model of random weights with one thread and with several, in turn.
//   npm run bench -- threads [--threads 2] [--preset phi-200m]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startWorker } from "#platform";
import { helperCode } from "#worker-code";
import { bindBuild, chooseKernels } from "../src/kernels/choose.ts";
import { SCRATCH_BYTES } from "../src/kernels/crew.ts";
import { allocInt8Rows, allocMatrix } from "../src/kernels/index.ts";
import { REST } from "../src/kernels/rest.ts";
import { sharedKernels } from "../src/kernels/shared.ts";
import { simdKernels } from "../src/kernels/simd.ts";
import type { LoadedModel } from "../src/load/load.ts";
import { loadModel } from "../src/load/load-model.ts";
import { openCheckpoint } from "../src/load-phi.ts";
import { Arena, Tensor } from "../src/tensor/index.ts";
import { helpersBy, Leader } from "../src/threads/index.ts";
import { alternate, quantile } from "./alternate.ts";
import { OPTIONS } from "./args.ts";
import { checkpointOf, MODELS } from "./end-to-end/checkpoint.ts";

const { values } = parseArgs({
  args: [...OPTIONS],
  options: {
    threads: { type: "string", default: "2" },
    preset: { type: "string", default: "phi-200m" },
    rounds: { type: "string", default: "40" },
  },
});
const threads = Number(values.threads);
const start = helpersBy(() => startWorker(helperCode()));
const wasm = { rest: REST };
const chosen = chooseKernels("auto", wasm);
if (chosen.kind === "reference") throw new Error("the reference kernels work alone");

/** Of a job of as many units as threads, some microseconds each: what it takes beyond an even share of the time that one thread needs. */
async function jobs(): Promise<void> {
  const arena = new Arena(8 << 20, { shared: true });
  const { module, exports, form } = bindBuild(arena, chosen.kind as "relaxed" | "strict", wasm);
  const leader = new Leader(threads, (error) => {
    throw error;
  });
  const helperScratch = Array.from({ length: threads - 1 }, () => arena.alloc(SCRATCH_BYTES));
  const all = { products: 0, leastProducts: 0, numbers: 0, leastNumbers: 0 };
  const alone = simdKernels(exports, form, REST);
  const shared = sharedKernels({ arena, module, exports, helperScratch }, alone, form, leader, all);
  leader.takeOn(start(leader.setups(), (error) => leader.lose(error)));
  await leader.ready();
  // Two blocks of 8 rows are claimed at once. Weights are in the caches of all cores; what goes to and fro is the job and 64 bytes of results.
  const [rows, C] = [16 * threads, 4096];
  const w = allocMatrix(arena, "q4", rows, C);
  const [src, x, out, expected] = [
    [rows, C],
    [1, C],
    [1, rows],
    [1, rows],
  ].map((s) => Tensor.alloc(arena, "f32", s));
  src.f32.set(src.f32.map((_, i) => Math.sin(i)));
  x.f32.set(x.f32.map((_, i) => Math.cos(i)));
  alone.packRows(w, 0, src);
  const int8 = allocInt8Rows(arena, 1, C);
  alone.quantizeActivations(int8, x);
  alone.linear(expected, int8, w);
  const N = 100;
  const many = (k: typeof alone) => () => {
    for (let i = 0; i < N; i++) k.linear(out, int8, w);
    if (!out.f32.every((v, i) => Object.is(v, expected.f32[i]))) throw new Error("other bits with several threads");
    out.f32.fill(Number.NaN);
  };
  const times = alternate({ alone: many(alone), shared: many(shared) }, 400);
  const row = (name: string, part: number) => {
    const [one, several] = [quantile(times.alone, part), quantile(times.shared, part)].map((ms) => (ms / N) * 1000);
    const cost = several - one / threads;
    return {
      of: name,
      "1 thread µs": one.toFixed(2),
      [`${threads} threads µs`]: several.toFixed(2),
      "beyond its share µs": cost.toFixed(2),
    };
  };
  console.log(`a job of ${threads} units`);
  console.table([row("median", 0.5), row("best tenth", 0.1)]);
  leader.end();
}

/** A step of T tokens behind `before` others; returns the last position's logits. */
function stepper({ decoder, contextSize }: LoadedModel, T: number, before: number) {
  const blocks = Array.from({ length: contextSize / 32 }, (_, i) => i);
  const logits = new Float32Array(decoder.config.vocabSize);
  const ids = Array.from({ length: T }, (_, i) => (Math.imul(i + 1, 40503) >>> 1) % decoder.config.vocabSize);
  return () => {
    decoder.step({ ids, start: before, blocks, regime: "short", logits });
    return logits;
  };
}

async function model(): Promise<void> {
  const folder = await openCheckpoint("bench", join(MODELS, await checkpointOf(values.preset)));
  const load = (n: number) => loadModel(folder, { threads: n, contextSize: 256 }, undefined, start);
  const models = { one: await load(1), several: await load(threads) };
  const rows: Record<string, string | number>[] = [];
  for (const [what, T, before] of [
    ["prefill", 32, 0],
    ["decode", 1, 128],
  ] as const) {
    const [one, several] = [stepper(models.one, T, before), stepper(models.several, T, before)];
    const expected = one().slice();
    if (!several().every((v, i) => Object.is(v, expected[i])))
      throw new Error(`${what}: other bits with several threads`);
    const times = alternate({ one: () => void one(), several: () => void several() }, Number(values.rounds));
    for (const [part, name] of [
      [0.5, "median"],
      [0.1, "best tenth"],
    ] as const) {
      const [a, b] = [quantile(times.one, part), quantile(times.several, part)];
      rows.push({
        step: `${what}, T ${T}`,
        of: name,
        "1 thread ms": a.toFixed(2),
        [`${threads} threads ms`]: b.toFixed(2),
        ratio: (a / b).toFixed(2),
      });
    }
  }
  console.log(`${values.preset}, q4, ${models.several.kernels}`);
  console.table(rows);
  models.one.decoder.dispose();
  models.several.decoder.dispose();
}

await jobs();
await model();
