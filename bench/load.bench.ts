import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { makeCheckpoint } from "../scripts/checkpoint/make.ts";
import { makePacked } from "../scripts/checkpoint/packed.ts";
import { PRESETS } from "../scripts/checkpoint/presets.ts";
import { createKernels } from "../src/kernels/index.ts";
import { allocate } from "../src/load/allocate.ts";
import { EVERY_PART } from "../src/load/every-part.ts";
import { fillWeights } from "../src/load/fill.ts";
import { kernelsOf } from "../src/load/load.ts";
import { loadModel } from "../src/load/load-model.ts";
import { MAX_ARENA_BYTES } from "../src/load/plan.ts";
import { planModel } from "../src/load/plan-model.ts";
import { IN_FLIGHT } from "../src/load/staging.ts";
import { openCheckpoint, startHelpers } from "../src/load-phi.ts";
import { createFolder } from "../src/platform/node.ts";
import { allocMatrix } from "../src/quant/index.ts";
import type { Source } from "../src/source/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../src/tensor/index.ts";
import { OPTIONS as GIVEN } from "./args.ts";
import { hugePageBytes } from "./machine.ts";
import { writeGguf } from "./peers/gguf.ts";

// Loading, beside reading the same bytes into fresh memory of the same kind: 4 layers (`--layers`) of Phi-4-mini's size and 32,064 tokens, as bf16
// that becomes q4 (1.0 GB), as packed q4 and as a GGUF file of Q4_0 (0.28 GB each), from the file cache. First touch of memory is much of it. Each
// round has all of them one behind the other, to and fro in turn, and gives one ratio: see "Loading" in README.md.
const { values: given } = parseArgs({
  args: [...GIVEN],
  strict: false, // with benches beside it, which have others
  options: {
    weights: { type: "string", default: "bf16,q4,Q4_0" },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "16" }, // an even number, so that each is first as often as last
    layers: { type: "string", default: "4" }, // 32: as Phi-4-mini has, where starting a helper is a small part
  },
});
const ROUNDS = Number(given.rounds);
const WEIGHTS = `${given.weights}`.split(",");
const OPTIONS = { contextSize: 512, ...EVERY_PART };
const folder = mkdtempSync(join(tmpdir(), "phi-ts-load-"));
const { config, generation } = PRESETS["phi-4-mini"];
const model = { config: { ...config, num_hidden_layers: Number(given.layers), vocab_size: 32064 }, generation };

/** Memory that nobody holds is given back now, not in the middle of a measurement: by the second call at the latest. */
setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc");
const collect = () => {
  gc();
  gc();
};

/**
 * As much memory is taken, touched and given back. A machine below this one may have fetched what nobody had for some seconds, and takes longer to
 * give it again than all that is measured here: so whoever comes next would pay for the one before.
 */
async function settle(source: Source, threads: number): Promise<void> {
  const { plan, files } = await planModel(source, { ...OPTIONS, threads });
  await files.close();
  for (const { bytes } of plan.arenas) {
    const words = new Int32Array(new Arena(bytes - KERNEL_RESERVE, { shared: threads > 1 }).buffer);
    for (let i = 0; i < words.length; i += 1024) words[i] = 1;
  }
}

/** What has found its place is what the reference kernels make of the file, or what the file has. */
async function check(source: Source): Promise<void> {
  const { plan, files } = await planModel(source, { ...OPTIONS, threads: 1 });
  const { slots } = allocate(plan, kernelsOf({}, EVERY_PART));
  await fillWeights(files, slots);
  for (const { spec, matrix } of slots.filter((slot) => !slot.spec.vector)) {
    const rows = 16;
    const arena = new Arena(2 ** 21);
    const few = allocMatrix(arena, "q4", rows, matrix.cols);
    const expected = new Uint8Array(arena.buffer, few.ptr, few.byteLength);
    const reference = createKernels(arena, "reference");
    const { dtype = "", byteLength = 0 } = files.tensors.get(spec.name) ?? {};
    const stored = (byteLength / spec.rows) * rows;
    if (dtype === "U8") await files.readInto(spec.name, 0, expected);
    else {
      const quantized = dtype === "Q4_0";
      const src = Tensor.alloc(arena, quantized ? "u8" : "bf16", [rows, quantized ? stored / rows : matrix.cols]);
      await files.readInto(spec.name, 0, new Uint8Array(arena.buffer, src.ptr, stored));
      (quantized ? reference.repackRows : reference.packRows)(few, 0, src);
    }
    const got = new Uint8Array(matrix.arena.buffer, matrix.ptr, few.byteLength);
    if (got.some((b, i) => b !== expected[i])) throw new Error(`${spec.name} was loaded wrongly`);
  }
  await files.close();
}

/** Bytes of one read: what was fastest here. */
const READ = 2 ** 22;

/**
 * The headers, and then all weights in the order of the file into arenas as large as loading takes: once each where they are as large as in memory,
 * and bf16 again and again into the same megabytes. @param atOnce reads that are on their way at a time
 */
async function read(source: Source, threads: number, atOnce: number): Promise<() => void> {
  const { plan, files } = await planModel(source, { ...OPTIONS, threads });
  const [arena] = plan.arenas.map(({ bytes }) => new Arena(bytes - KERNEL_RESERVE, { shared: threads > 1 }));
  const coming: Promise<unknown>[] = [];
  let at = KERNEL_RESERVE;
  for (const { name, byteLength, dtype } of files.tensors.values()) {
    const most = dtype === "BF16" ? 2 ** 20 : READ;
    for (let done = 0; done < byteLength; done += most) {
      const n = Math.min(most, byteLength - done);
      if (dtype === "BF16") at = KERNEL_RESERVE + ((done / most) % atOnce) * most;
      coming.push(files.readInto(name, done, new Uint8Array(arena.buffer, at, n)));
      if (dtype !== "BF16") at += n;
      if (coming.length === atOnce) await coming.shift();
    }
  }
  await Promise.all(coming);
  await files.close();
  return () => {};
}

/** What `loadPhi` does, but for the tokenizer. */
async function load(source: Source, threads: number): Promise<() => void> {
  const { decoder } = await loadModel(source, { ...OPTIONS, threads }, MAX_ARENA_BYTES, startHelpers);
  return () => decoder.dispose();
}

/** Milliseconds by the clock, and of all processors. */
interface Took {
  ms: number;
  cpu: number;
}

/** @param job gives what is to be done when the clock has stopped */
async function taken(source: Source, threads: number, job: () => Promise<() => void>): Promise<Took> {
  await settle(source, threads);
  collect();
  const before = process.cpuUsage();
  const start = performance.now();
  const end = await job();
  const { user, system } = process.cpuUsage(before);
  const ms = performance.now() - start;
  end();
  return { ms, cpu: (user + system) / 1000 };
}

/** The value below which `part` of them lie. */
const quantile = (all: readonly number[], part: number): number =>
  [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(part * all.length))];
const quartiles = (all: readonly number[]): string =>
  `${quantile(all, 1 / 2).toFixed(2)} (${quantile(all, 1 / 4).toFixed(2)} … ${quantile(all, 3 / 4).toFixed(2)})`;
const median = (all: readonly Took[], of: keyof Took): number =>
  quantile(
    all.map((took) => took[of]),
    1 / 2,
  );

try {
  for (const what of WEIGHTS) {
    const sink = await createFolder(join(folder, what));
    if (what === "bf16") await makeCheckpoint(sink, model);
    else if (what === "q4") await makePacked(sink, model, "q4");
    else writeGguf(join(folder, what, "model.gguf"), model.config, "Q4_0");
  }
  const rows: Record<string, string | number>[] = [];
  let huge = 0;
  for (const what of WEIGHTS) {
    const source = await openCheckpoint("bench", join(folder, what));
    const { sourceBytes, files } = await planModel(source, OPTIONS);
    await files.close();
    await check(source);
    for (const threads of `${given.threads}`.split(",").map(Number)) {
      const headers: number[] = [];
      const [single, reading, loading]: Took[][] = [[], [], []];
      const jobs: [Took[], () => Promise<() => void>][] = [
        [single, () => read(source, threads, 1)],
        [reading, () => read(source, threads, IN_FLIGHT)],
        [loading, () => load(source, threads)],
      ];
      for (let round = -2; round < ROUNDS; round++) {
        for (const [times, job] of round % 2 === 0 ? jobs : jobs.toReversed()) {
          const took = await taken(source, threads, job);
          if (round >= 0) times.push(took); // before, it warms up
        }
        huge = Math.max(huge, hugePageBytes());
        const start = performance.now();
        await (await planModel(source, { ...OPTIONS, threads })).files.close();
        headers.push(performance.now() - start);
      }
      const ratios = (to: readonly Took[]) => loading.map(({ ms }, i) => ms / to[i].ms);
      const loadMs = median(loading, "ms");
      rows.push({
        weights: what,
        threads,
        GB: +(sourceBytes / 1e9).toFixed(2),
        "read ms, 1 at a time": Math.round(median(single, "ms")),
        [`${IN_FLIGHT} at a time`]: Math.round(median(reading, "ms")),
        "load ms": Math.round(loadMs),
        "of it headers": Math.round(quantile(headers, 1 / 2)),
        "load GB/s": +(sourceBytes / loadMs / 1e6).toFixed(2),
        "load : read, 1 at a time": quartiles(ratios(single)),
        [`${IN_FLIGHT} at a time `]: quartiles(ratios(reading)),
        "CPU ms": [single, reading, loading].map((all) => Math.round(median(all, "cpu"))).join(", "),
      });
    }
  }
  const pages = huge > 2 ** 27 ? "huge" : "4 KiB";
  console.log(`\nloading, medians of ${ROUNDS} rounds (and quartiles), ${pages} pages; GB of the source's weights`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
