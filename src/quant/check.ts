import { kBlock } from "./k-formats.ts";
import {
  BLOCK_BYTES,
  GROUP,
  groupsOf,
  isKFormat,
  K_BYTES,
  type KFormat,
  type PackedMatrix,
  ROWS,
  rowGroupBytes,
  SCALES_AT,
  SUPER,
} from "./packed-matrix.ts";

/**
 * The first weight (f32) or group of weights (32; K-formats: 256) that is not finite, in rows `from` to `to` (exclusive) of a matrix; undefined if
 * all are. `packRows` gives groups that their format cannot hold a NaN scale and goes on; who fills a matrix asks here afterwards.
 * @returns the row, and the column at which the weight or group begins
 */
export function findNonFinite(
  matrix: PackedMatrix,
  from = 0,
  to = matrix.rows,
): { row: number; col: number } | undefined {
  const { format, cols, arena, ptr } = matrix;
  if (format === "f32") {
    const weights = new Float32Array(arena.buffer, ptr + from * cols * 4, (to - from) * cols);
    const at = weights.findIndex((w) => !Number.isFinite(w));
    return at < 0 ? undefined : { row: from + Math.floor(at / cols), col: at % cols };
  }
  if (isKFormat(format)) return nonFiniteBlock(matrix, from, to);
  const G = groupsOf(cols);
  for (let first = from - (from % ROWS); first < to; first += ROWS) {
    const at = ptr + (first / ROWS) * rowGroupBytes(format, cols) + SCALES_AT[format];
    const words = (G * BLOCK_BYTES[format] - SCALES_AT[format]) / 4;
    if (!anyNonFinite(new Int32Array(arena.buffer, at, words), BLOCK_BYTES[format] / 4)) continue;
    for (let row = Math.max(first, from); row < Math.min(first + ROWS, to); row++) {
      for (let g = 0; g < G; g++) {
        const [scale] = new Uint16Array(arena.buffer, at + g * BLOCK_BYTES[format] + 2 * (row % ROWS), 1);
        if ((scale & EXPONENT) === EXPONENT) return { row, col: g * GROUP };
      }
    }
  }
  return undefined;
}

/** The first block of 256 of a K-format whose d or dmin is not finite. */
function nonFiniteBlock(matrix: PackedMatrix, from: number, to: number): { row: number; col: number } | undefined {
  const scales = K_BYTES[matrix.format as KFormat].head / 4;
  for (let row = from; row < to; row++) {
    for (let block = 0; block < matrix.cols / SUPER; block++) {
      const head = new Float32Array(matrix.arena.buffer, kBlock(matrix, row, block), scales);
      for (let at = row % ROWS; at < scales; at += ROWS) {
        if (!Number.isFinite(head[at])) return { row, col: block * SUPER };
      }
    }
  }
  return undefined;
}

const EXPONENT = 0x7c00;

/** Whether a block of `words` has a scale of exponent 31: two f16 at a time, adding 1 to the exponent then carries into the sign's place. */
function anyNonFinite(blocks: Int32Array, words: number): boolean {
  let carry = 0;
  for (let i = 0; i < blocks.length; i += words) {
    carry |= (blocks[i] & 0x7c007c00) + 0x04000400;
    carry |= (blocks[i + 1] & 0x7c007c00) + 0x04000400;
    carry |= (blocks[i + 2] & 0x7c007c00) + 0x04000400;
    carry |= (blocks[i + 3] & 0x7c007c00) + 0x04000400;
  }
  return (carry & 0x80008000) !== 0;
}
