import { groupsOf, type PackedMatrix } from "./packed-matrix.ts";
import { q4Block } from "./q4.ts";
import { q8Block } from "./q8.ts";

/**
 * The first weight (f32) or group of 32 weights (q4, q8) that is not finite, in rows `from` to `to` (exclusive) of a matrix; undefined if
 * all are. `packRows` gives groups that their format cannot hold a NaN scale and goes on; who fills a matrix asks here afterwards.
 * @returns the row, and the column at which the weight or group begins
 */
export function findNonFinite(
  matrix: PackedMatrix,
  from = 0,
  to = matrix.rows,
): { row: number; col: number } | undefined {
  const { format, cols, arena } = matrix;
  const groups = groupsOf(cols);
  if (format === "f32") {
    const weights = new Float32Array(arena.buffer, matrix.ptr + from * cols * 4, (to - from) * cols);
    const at = weights.findIndex((w) => !Number.isFinite(w));
    return at < 0 ? undefined : { row: from + Math.floor(at / cols), col: at % cols };
  }
  const halves = new Uint16Array(arena.buffer);
  const block = format === "q4" ? q4Block : q8Block;
  for (let row = from; row < to; row++) {
    for (let g = 0; g < groups; g++) {
      const scale = halves[block(matrix, row, g) / 2 + (row % 8)];
      if ((scale & 0x7c00) === 0x7c00) return { row, col: g * 32 };
    }
  }
  return undefined;
}
