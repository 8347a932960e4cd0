import { BLOCK_BYTES, GROUP, groupsOf, type PackedMatrix, ROWS } from "./packed-matrix.ts";

/**
 * q4: weight = (n - 8) · s, with n an unsigned nibble and s an f16 scale (of either sign) for each 32 neighbours along the input.
 *
 * A block is 8 rows (r) × 32 inputs (k), 144 bytes; blocks of one row group follow each other along the inputs, then the next 8 rows:
 *
 *     byte 0…15     s of row 0 … 7, f16 little endian
 *     byte 16 + …   for each 8 inputs k = 0, 8, 16, 24: two vectors of 16 bytes, rows 0-3 and rows 4-7
 *
 *     vector:  | row r                     | row r + 1 …        r = 0 or 4
 *              | byte 0  byte 1  …  byte 3 |
 *       low      k+0     k+1        k+3
 *       high     k+4     k+5        k+7
 *
 * A row is thus one 32-bit lane. Rows past the last and inputs past the last are padding: n = 8 (value 0); whole padding rows have s = 0.
 */
export function q4Block(matrix: PackedMatrix, row: number, group: number): number {
  return matrix.ptr + (Math.floor(row / ROWS) * groupsOf(matrix.cols) + group) * BLOCK_BYTES.q4;
}

/** Where weight (r = row mod 8, k = input mod 32) lies in its block: the byte, and how far its nibble is shifted. */
export function q4Nibble(r: number, k: number): { byte: number; shift: 0 | 4 } {
  const chunk = k >> 3;
  const vector = r >> 2;
  return { byte: 16 + chunk * 32 + vector * 16 + (r & 3) * 4 + (k & 3), shift: (k & 4) === 0 ? 0 : 4 };
}

/** Inputs of a row with padding. */
export const paddedCols = (cols: number): number => groupsOf(cols) * GROUP;
