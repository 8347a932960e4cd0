import type { Kernels } from "../kernels/kernels.ts";
import { norm } from "../model/norm.ts";
import type { WeightSpec } from "../model/weights.ts";
import { allocMatrix, packedBytes } from "../quant/packed-matrix.ts";
import { Arena, alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Calibration } from "./calibrate.ts";
import { momentCost, solveCost } from "./cost.ts";
import { CHUNK, type Stream } from "./layer.ts";
import { matrixBytes, PASSES, quantizeMatrix } from "./matrix.ts";
import { Moments } from "./moments.ts";
import { DAMPING, type Damping, TIED_DAMPING } from "./objective.ts";
import { headSpec, joined } from "./pieces.ts";
import { readRows } from "./rows.ts";

/** Bytes that {@link calibrateHead} takes from its arena. */
export function headBytes(specs: readonly WeightSpec[]): number {
  const D = headSpec(specs).cols;
  return Math.max(alignUp(D * 4) * (CHUNK + 2) + Moments.bytes(D), matrixBytes(D));
}

/** The output layer, by what it sees behind the last norm. A tied one is the embedding too, and is damped more for that. */
export async function calibrateHead(job: Calibration, bench: Kernels, { x }: Stream): Promise<Uint8Array> {
  const { files, config, specs, progress, pacer } = job;
  const { name, rows, cols: D } = headSpec(specs);
  const mark = bench.arena.mark();
  const vector = async (slot: string) => {
    const spec = specs.find((s) => s.slot === slot);
    if (!spec) return undefined;
    const values = Tensor.alloc(bench.arena, "f32", [D]);
    values.f32.set(await files.toFloat32(spec.name));
    return values;
  };
  const weight = (await vector("norm")) as Tensor;
  const bias = await vector("normBias");
  const h = Tensor.alloc(bench.arena, "f32", [CHUNK, D]);
  const moments = new Moments(bench, D);
  for (let at = 0; at < x.length; at += CHUNK * D) {
    const part = x.subarray(at, Math.min(x.length, at + CHUNK * D));
    const T = part.length / D;
    const chunk = h.rows(0, T);
    chunk.f32.set(part);
    norm(bench, chunk, chunk, weight, bias, config.normEps);
    moments.take(chunk.f32);
    if (moments.room < CHUNK) await moments.add(pacer);
    progress.add(T * momentCost(D), "head", "output layer");
  }
  await moments.add(pacer);
  bench.arena.release(mark);
  const matrix = allocMatrix(new Arena(packedBytes("q4", rows, D), { name: "output layer" }), "q4", rows, D);
  const damping: Damping = config.tiedEmbeddings ? TIED_DAMPING : DAMPING;
  const read = (row: number, n: number) => readRows(files, name, row, n);
  await quantizeMatrix(bench, { name, matrix, read, moments, damping }, pacer, (n) =>
    progress.add(n * solveCost(D, PASSES), "head", "output layer"),
  );
  return joined([matrix]);
}
