import type { Pacer } from "../event-loop.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { GROUP, groupsOf, type PackedMatrix, ROWS } from "../quant/packed-matrix.ts";
import { writeQ4Group } from "../quant/q4.ts";
import { BLOCK as B } from "./blocks.ts";
import type { Moments } from "./moments.ts";
import { type Damping, Objective } from "./objective.ts";
import { type Panel, ROWS_AT_ONCE, RowSolver } from "./solve.ts";

/** Passes of coordinate descent: the first gains most, a fourth next to nothing. */
export const PASSES = 3;

/** Reads rows `row` … of a matrix [N, C] as f32 [n, C]. */
export type ReadRows = (row: number, n: number) => Promise<Float32Array>;

export interface MatrixJob {
  /** For errors: the tensor's name. */
  name: string;
  /** q4; receives the result. */
  matrix: PackedMatrix;
  read: ReadRows;
  /** Of the matrix's inputs. Their sums are overwritten. */
  moments: Moments;
  damping: Damping;
}

/** Bytes that {@link quantizeMatrix} takes from the arena of its kernels, for C inputs. */
export const matrixBytes = (C: number): number => Objective.bytes(C) + RowSolver.bytes(C);

/**
 * Quantizes a matrix to q4 by the second moments of its inputs, 128 rows at a time.
 * @param kernels in an arena with room for {@link matrixBytes}, which is free again afterwards
 * @param done called with the rows that are finished
 * @throws PhiError (code "calibration"); whatever `pacer` and `read` throw
 */
export async function quantizeMatrix(
  kernels: Kernels,
  { name, matrix, read, moments, damping }: MatrixJob,
  pacer: Pacer,
  done: (rows: number) => void,
): Promise<void> {
  const mark = kernels.arena.mark();
  try {
    const objective = await Objective.make(kernels, moments, damping, name, pacer);
    const solver = new RowSolver(kernels, objective);
    for (let row = 0; row < matrix.rows; row += ROWS_AT_ONCE) {
      const rows = Math.min(ROWS_AT_ONCE, matrix.rows - row);
      await solver.solve(await read(row, rows), PASSES, pacer);
      writeRows(matrix, row, solver.panels);
      done(rows);
    }
  } finally {
    kernels.arena.release(mark);
  }
}

function writeRows(matrix: PackedMatrix, row: number, panels: readonly Panel[]): void {
  const nibbles = new Uint8Array(GROUP);
  const { rows } = panels[0];
  for (let r = 0; r < Math.ceil(rows / ROWS) * ROWS; r++) {
    for (let group = 0; group < groupsOf(matrix.cols); group++) {
      const { q, scales } = panels[Math.floor((group * GROUP) / B)];
      const at = r * B + ((group * GROUP) % B);
      for (let k = 0; k < GROUP; k++) nibbles[k] = r < rows ? q[at + k] + 8 : 8;
      writeQ4Group(matrix, row + r, group, nibbles, r < rows ? scales[at / GROUP] : 0);
    }
  }
}
