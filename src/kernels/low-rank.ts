import type { Arena } from "../tensor/arena.ts";

/**
 * The second factor of a low-rank product, LoRA's B [N, r], as {@link Operations.addLowRank} reads it: float32, 8 rows interleaved, so that a lane
 * of a vector is a row and no sum crosses lanes. Rows past N are zeros.
 *
 *     rows 0 … 7    | j=0: row 0 1 … 7 | j=1: row 0 1 … 7 | … | j=r-1 |     32 r bytes
 *     rows 8 … 15   | …
 */
export interface LowRank {
  /** N */
  readonly rows: number;
  /** r */
  readonly rank: number;
  readonly arena: Arena;
  /** Byte offset in `arena.buffer`, a multiple of 64. */
  readonly ptr: number;
  /** As {@link lowRankBytes} says. */
  readonly byteLength: number;
}

const ROWS = 8;

/** Bytes of B [rows, rank] in memory. */
export const lowRankBytes = (rows: number, rank: number): number => Math.ceil(rows / ROWS) * ROWS * rank * 4;

/** Takes room for B [rows, rank] of zeros in `arena`. @throws MemoryError if the arena is full */
export function allocLowRank(arena: Arena, rows: number, rank: number): LowRank {
  const byteLength = lowRankBytes(rows, rank);
  return { rows, rank, arena, ptr: arena.alloc(byteLength), byteLength };
}

/** Writes rows `row` … of B from `values` f32 [n, r], as a file has them. */
export function writeLowRank({ arena, ptr, rank, byteLength }: LowRank, row: number, values: Float32Array): void {
  const out = new Float32Array(arena.buffer, ptr, byteLength / 4);
  for (let i = 0; i < values.length / rank; i++) {
    const n = row + i;
    const at = (n - (n % ROWS)) * rank + (n % ROWS);
    for (let j = 0; j < rank; j++) out[at + j * ROWS] = values[i * rank + j];
  }
}
