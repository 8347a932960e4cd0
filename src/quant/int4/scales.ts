import { BLOCK_BYTES, groupsOf, type PackedMatrix, ROWS, SCALES_AT } from "../packed-matrix.ts";

/**
 * Scales, and of a q4z matrix zero points, of all its groups, from those of a checkpoint's groups, which may each serve several of 32 inputs.
 * @param groupOf [G]: which of the checkpoint's groups a group of 32 inputs belongs to
 * @param scales [G', N]: f16 bits
 * @param zeros [G', N]: 0 … 15, of a q4z matrix only
 */
export function writeScales(
  matrix: PackedMatrix,
  groupOf: ArrayLike<number>,
  scales: Uint16Array,
  zeros?: Uint8Array,
): void {
  const { rows: N, cols: C, arena, ptr } = matrix;
  const G = groupsOf(C);
  const format = zeros ? "q4z" : "q4";
  const halves = new Uint16Array(arena.buffer, ptr, matrix.byteLength / 2);
  const bytes = new Int8Array(arena.buffer, ptr, matrix.byteLength);
  for (let row = 0; row < N; row += ROWS) {
    const n = Math.min(ROWS, N - row);
    for (let g = 0; g < G; g++) {
      const from = groupOf[g] * N + row;
      const block = ((row / ROWS) * G + g) * BLOCK_BYTES[format];
      const to = (block + SCALES_AT[format]) / 2;
      for (let r = 0; r < ROWS; r++) halves[to + r] = r < n ? scales[from + r] : 0;
      if (!zeros) continue;
      for (let r = 0; r < ROWS; r++) bytes[block + r] = r < n ? zeros[from + r] - 8 : 0;
    }
  }
}
