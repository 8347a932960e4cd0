import type { Kernels } from "../kernels/kernels.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import type { Calibration } from "./calibrate.ts";
import { factorCost, forwardCost, momentCost, solveCost } from "./cost.ts";
import { CHUNK, type LayerRunner, type Stream } from "./layer.ts";
import { matrixBytes, PASSES, quantizeMatrix } from "./matrix.ts";
import { Moments } from "./moments.ts";
import { DAMPING } from "./objective.ts";
import { joined } from "./pieces.ts";
import { readRows } from "./rows.ts";

/** Most bytes of the second moments that are collected in one run of a layer; one matrix alone may have more. */
const MOMENT_BYTES = 2 ** 30;

/**
 * A matrix that saw fewer tokens than a quarter of its inputs' length is quantized as loading does: moments of so few leave most directions to
 * chance. Dense matrices see all tokens, experts those that the router sends them.
 */
const ENOUGH = 1 / 4;

export const matricesOf = (layer: readonly WeightSpec[]): WeightSpec[] => layer.filter((s) => !isFloat(s));

/** The matrices whose moments are collected in one run of the layer: as many as `MOMENT_BYTES` hold, or one. */
export function batchesOf(layer: readonly WeightSpec[], most = MOMENT_BYTES): WeightSpec[][] {
  const batches: WeightSpec[][] = [];
  let left = 0;
  for (const spec of matricesOf(layer)) {
    const bytes = Moments.sumBytes(spec.cols);
    const last = batches.at(-1);
    if (last && bytes <= left) last.push(spec);
    else batches.push([spec]);
    left = (last && bytes <= left ? left : most) - bytes;
  }
  return batches;
}

/** Bytes that {@link calibrateLayer} takes from its arena. */
export function layerBytes(layer: readonly WeightSpec[]): number {
  const batches = batchesOf(layer).map((batch) => batch.reduce((sum, s) => sum + Moments.bytes(s.cols), 0));
  return Math.max(...batches, ...matricesOf(layer).map((s) => matrixBytes(s.cols)));
}

/** A layer whose matrices are quantized. */
export interface CalibratedLayer {
  /** The matrices, packed one after the other. */
  bytes: Uint8Array;
  /** Names of those that saw too few tokens. */
  few: string[];
}

/**
 * Quantizes the matrices of a layer, each by the moments of the inputs that it has in `original`; they lie in `quantized` then. The layer is run
 * once for each batch of matrices, so that no more moments are there at a time than `MOMENT_BYTES`. Experts see the tokens that are sent to them.
 */
export async function calibrateLayer(
  { files, progress, pacer, signal, momentBytes }: Calibration,
  bench: Kernels,
  stream: Stream,
  layer: readonly WeightSpec[],
  original: LayerRunner,
  quantized: LayerRunner,
  detail: string,
): Promise<CalibratedLayer> {
  await original.fill(files, layer, signal);
  const few: WeightSpec[] = [];
  for (const batch of batchesOf(layer, momentBytes)) {
    const mark = bench.arena.mark();
    const moments = new Map(batch.map((s) => [s.slot, new Moments(bench, s.cols)]));
    const all = [...moments.values()];
    const share = batch.reduce((sum, { cols, use = 1 }) => sum + use * momentCost(cols), forwardCost(layer));
    await original.run(
      stream,
      layer[0].place as number,
      (slot, x) => moments.get(slot)?.take(x),
      async (T) => {
        for (const m of all) if (m.room < CHUNK) await m.add(pacer);
        progress.add(T * share, "layers", detail);
        await pacer.pace();
      },
    );
    for (const m of all) await m.add(pacer);
    bench.arena.release(mark);
    for (const spec of batch) {
      const { slot, name, cols, rows } = spec;
      const seen = moments.get(slot) as Moments;
      moments.delete(slot);
      if (spec.use !== undefined && seen.tokens < ENOUGH * cols) {
        few.push(spec);
        progress.add(factorCost(cols) + rows * solveCost(cols, PASSES), "layers", detail);
        continue;
      }
      const read = (row: number, n: number) => readRows(files, name, row, n);
      const job = { name, damping: DAMPING, moments: seen, matrix: quantized.matrix(slot), read };
      await quantizeMatrix(bench, job, pacer, (rows) => progress.add(rows * solveCost(cols, PASSES), "layers", detail));
      progress.add(factorCost(cols), "layers", detail);
    }
  }
  // As loading does it.
  await quantized.fill(files, few, signal);
  const bytes = joined(matricesOf(layer).map((s) => quantized.matrix(s.slot)));
  return { bytes, few: few.map(({ name }) => name) };
}
