import { kBlock } from "./k-formats.ts";
import {
  BLOCK_BYTES,
  GROUP,
  groupsOf,
  isKFormat,
  K_LAYOUT,
  type KFormat,
  type PackedMatrix,
  ROWS,
  rowGroupBytes,
  SCALES_AT,
} from "./packed-matrix.ts";

/**
 * The first weight (f32) or group of weights (32; K-formats: their blocks) that is not finite, in rows `from` to `to` (exclusive) of a matrix; undefined if
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

/** The first block of a K-format with a scale or minimum that is not finite. */
function nonFiniteBlock(matrix: PackedMatrix, from: number, to: number): { row: number; col: number } | undefined {
  const { head, span } = K_LAYOUT[matrix.format as KFormat];
  const { buffer } = matrix.arena;
  const bits = head > 0 ? new Uint32Array(buffer) : new Uint16Array(buffer);
  const [size, count, exponent] = head > 0 ? [4, head / 4, 0x7f800000] : [2, 2 * ROWS, EXPONENT];
  for (let row = from; row < to; row++) {
    for (let block = 0; block < matrix.cols / span; block++) {
      const first = kBlock(matrix, row, block) / size;
      for (let i = row % ROWS; i < count; i += ROWS) {
        if ((bits[first + i] & exponent) === exponent) return { row, col: block * span };
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
