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
import { openCheckpoint, startHelpers } from "../src/load-phi.ts";
import { createFolder } from "../src/platform/node.ts";
import { allocMatrix } from "../src/quant/index.ts";
import type { Source } from "../src/source/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../src/tensor/index.ts";
import { OPTIONS as GIVEN } from "./args.ts";
import { hugePageBytes } from "./machine.ts";
import { writeGguf } from "./peers/gguf.ts";

// Loading, beside reading the same bytes into fresh memory of the same kind: 4 layers (`--layers`) of Phi-4-mini's size and 32,064 tokens, as bf16
// that becomes q4 (1.0 GB), as packed q4 and as a GGUF file of Q4_0 (0.28 GB each), from the file cache. First touch of memory is much of it: see
// "Loading" in README.md.
const { values: given } = parseArgs({
  args: [...GIVEN],
  strict: false, // with benches beside it, which have others
  options: {
    weights: { type: "string", default: "bf16,q4,Q4_0" },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "7" },
    layers: { type: "string", default: "4" }, // 32: as Phi-4-mini has, where starting a helper is a small part
  },
});
const ROUNDS = Number(given.rounds);
const WEIGHTS = `${given.weights}`.split(",");
const OPTIONS = { contextSize: 512, ...EVERY_PART };
const folder = mkdtempSync(join(tmpdir(), "phi-ts-load-"));
const { config, generation } = PRESETS["phi-4-mini"];
const model = { config: { ...config, num_hidden_layers: Number(given.layers), vocab_size: 32064 }, generation };

/** Memory that nobody holds is given back now, not in the middle of a measurement. */
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

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

/**
 * All weights of the plan, read in the order of the file into arenas as large as loading takes: once each where they are as large as in memory, and
 * bf16 again and again into the same megabyte.
 */
async function read(source: Source, threads: number): Promise<void> {
  const { plan, files } = await planModel(source, { ...OPTIONS, threads });
  const [arena] = plan.arenas.map(({ bytes }) => new Arena(bytes - KERNEL_RESERVE, { shared: threads > 1 }));
  let at = KERNEL_RESERVE;
  for (const { name, byteLength, dtype } of files.tensors.values()) {
    const once = dtype !== "BF16";
    const most = once ? 2 ** 22 : 2 ** 20;
    for (let done = 0; done < byteLength; done += most) {
      const n = Math.min(most, byteLength - done);
      await files.readInto(name, done, new Uint8Array(arena.buffer, at, n));
      if (once) at += n;
    }
  }
  await files.close();
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

async function taken(job: () => Promise<void>): Promise<Took> {
  collect();
  const before = process.cpuUsage();
  const start = performance.now();
  await job();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - start, cpu: (user + system) / 1000 };
}

const median = (all: readonly Took[], of: keyof Took): number =>
  all.map((took) => took[of]).sort((a, b) => a - b)[all.length >> 1];

try {
  for (const what of WEIGHTS) {
    const sink = await createFolder(join(folder, what));
    if (what === "bf16") await makeCheckpoint(sink, model);
    else if (what === "q4") await makePacked(sink, model, "q4");
    else writeGguf(join(folder, what, "model.gguf"), model.config, "Q4_0");
  }
  const rows: Record<string, string | number>[] = [];
  for (const what of WEIGHTS) {
    const source = await openCheckpoint("bench", join(folder, what));
    const { sourceBytes, files } = await planModel(source, OPTIONS);
    await files.close();
    await check(source);
    for (const threads of `${given.threads}`.split(",").map(Number)) {
      const reading: Took[] = [];
      const loading: Took[] = [];
      for (let round = 0; round <= ROUNDS; round++) {
        const first = await taken(() => read(source, threads));
        let dispose = () => {};
        const second = await taken(async () => {
          dispose = await load(source, threads);
        });
        dispose();
        if (round === 0) continue; // warms up
        reading.push(first);
        loading.push(second);
      }
      const [readMs, loadMs] = [median(reading, "ms"), median(loading, "ms")];
      rows.push({
        weights: what,
        threads,
        GB: +(sourceBytes / 1e9).toFixed(2),
        "read ms": Math.round(readMs),
        "read GB/s": +(sourceBytes / readMs / 1e6).toFixed(2),
        "load ms": Math.round(loadMs),
        "load GB/s": +(sourceBytes / loadMs / 1e6).toFixed(2),
        "load : read": +(loadMs / readMs).toFixed(2),
        "CPU ms": `${Math.round(median(reading, "cpu"))}, ${Math.round(median(loading, "cpu"))}`,
      });
    }
  }
  const pages = hugePageBytes() > 2 ** 27 ? "huge" : "4 KiB";
  console.log(`\nloading, median of ${ROUNDS} rounds, ${pages} pages; GB of the source's weights`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
