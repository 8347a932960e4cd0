import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { makeCheckpoint } from "../scripts/checkpoint/make.ts";
import { makePacked } from "../scripts/checkpoint/packed.ts";
import { PRESETS } from "../scripts/checkpoint/presets.ts";
import { openPacked } from "../src/formats/packed/packed.ts";
import { openSafetensors } from "../src/formats/safetensors/index.ts";
import { createKernels } from "../src/kernels/index.ts";
import { allocate, type Slot } from "../src/load/allocate.ts";
import { fillWeights } from "../src/load/fill.ts";
import { kernelsOf, planModel } from "../src/load/load.ts";
import { createFolder, openPath } from "../src/platform/node.ts";
import { allocMatrix } from "../src/quant/index.ts";
import type { Source } from "../src/source/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../src/tensor/index.ts";

// Loading, beside reading the same bytes into fresh memory of the same kind: 4 layers of Phi-4-mini's size and 32,064 tokens, as bf16 that becomes
// q4 (1.0 GB), and as packed q4 (0.28 GB), both from the file cache. First touch of memory is most of it: see "Huge pages" in README.md.
const ROUNDS = Number(process.env.PHI_BENCH_ROUNDS ?? 7);
const OPTIONS = { contextSize: 512 };
const folder = mkdtempSync(join(tmpdir(), "phi-ts-load-"));
const { config, generation } = PRESETS["phi-4-mini"];
const model = { config: { ...config, num_hidden_layers: 4, vocab_size: 32064 }, generation };

/** Memory that nobody holds is given back now, not in the middle of a measurement. */
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** What `loadPhi` does between the tokenizer and the first token. */
async function load(source: Source): Promise<Slot[]> {
  const { plan, files } = await planModel(source, OPTIONS);
  const { slots } = allocate(plan, kernelsOf({}));
  await fillWeights(files, slots);
  await files.close();
  return slots;
}

/** What has found its place is what the reference kernels make of the file, or what the file has. */
async function check(source: Source): Promise<void> {
  const slots = await load(source);
  const files = await openSafetensors(source);
  for (const { spec, matrix } of slots.filter((slot) => !slot.spec.vector)) {
    const rows = 16;
    const arena = new Arena(2 ** 21);
    const few = allocMatrix(arena, "q4", rows, matrix.cols);
    const expected = new Uint8Array(arena.buffer, few.ptr, few.byteLength);
    if (files.tensors.get(spec.name)?.dtype === "U8") await files.readInto(spec.name, 0, expected);
    else {
      const src = Tensor.alloc(arena, "bf16", [rows, matrix.cols]);
      await files.readInto(spec.name, 0, new Uint8Array(arena.buffer, src.ptr, src.byteLength));
      createKernels(arena, "reference").packRows(few, 0, src);
    }
    const got = new Uint8Array(matrix.arena.buffer, matrix.ptr, few.byteLength);
    if (got.some((b, i) => b !== expected[i])) throw new Error(`${spec.name} was loaded wrongly`);
  }
  await files.close();
}

/** All weights of the plan, read in the order of the file into arenas as large as loading takes: each block but once where they stay, and else through a megabyte of the first arena. */
async function read(source: Source): Promise<void> {
  const { plan, files } = await planModel(source, OPTIONS);
  const [arena] = plan.arenas.map(({ bytes }) => new Arena(bytes - KERNEL_RESERVE));
  let at = KERNEL_RESERVE;
  for (const { name, byteLength, dtype } of files.tensors.values()) {
    if (name.startsWith("files/")) continue;
    const most = dtype === "U8" ? 2 ** 22 : 2 ** 20;
    for (let done = 0; done < byteLength; done += most) {
      const n = Math.min(most, byteLength - done);
      await files.readInto(name, done, new Uint8Array(arena.buffer, at, n));
      if (dtype === "U8") at += n;
    }
  }
  await files.close();
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1];

try {
  await makeCheckpoint(await createFolder(join(folder, "bf16")), model);
  await makePacked(await createFolder(join(folder, "q4")), model, "q4");
  const rows: Record<string, string | number>[] = [];
  for (const what of ["bf16", "q4"]) {
    const { source } = await openPath(join(folder, what));
    const checkpoint = (await openPacked(source)) ?? source;
    const { sourceBytes, files } = await planModel(checkpoint, OPTIONS);
    await files.close();
    await check(checkpoint);
    const jobs = { read: () => read(checkpoint), load: () => load(checkpoint) };
    const ms: Record<string, number[]> = { read: [], load: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, job] of Object.entries(jobs)) {
        collect();
        const start = performance.now();
        await job();
        if (round > 0) ms[name].push(performance.now() - start); // the first warms up
      }
    }
    const [reading, loading] = [median(ms.read), median(ms.load)];
    rows.push({
      weights: what,
      GB: +(sourceBytes / 1e9).toFixed(2),
      "read ms": Math.round(reading),
      "read GB/s": +(sourceBytes / reading / 1e6).toFixed(2),
      "load ms": Math.round(loading),
      "load GB/s": +(sourceBytes / loading / 1e6).toFixed(2),
      "load : read": +(loading / reading).toFixed(2),
    });
  }
  console.log(`\nloading, median of ${ROUNDS} rounds; GB of the source's weights`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
