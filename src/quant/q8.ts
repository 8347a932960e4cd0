import { BLOCK_BYTES, groupsOf, type PackedMatrix, ROWS } from "./packed-matrix.ts";

/**
 * q8: weight = q · s, with q an int8 (-127 … 127 when we quantize; -128 may come from a file) and s an f16 scale for each 32 neighbours along the input.
 *
 * A block is 8 rows (r) × 32 inputs (k), 272 bytes, ordered as q4's:
 *
 *     byte 0…15     s of row 0 … 7, f16 little endian
 *     byte 16 + …   for each 4 inputs k = 0, 4 … 28: two vectors of 16 bytes, rows 0-3 and rows 4-7
 *
 *     vector:  | row r               | row r + 1 …        r = 0 or 4
 *              | k+0  k+1  k+2  k+3  |
 *
 * Padding rows and inputs have q = 0; whole padding rows have s = 0.
 */
export function q8Block(matrix: PackedMatrix, row: number, group: number): number {
  return matrix.ptr + (Math.floor(row / ROWS) * groupsOf(matrix.cols) + group) * BLOCK_BYTES.q8;
}

/** The byte of its block in which weight (r = row mod 8, k = input mod 32) lies. */
export function q8Byte(r: number, k: number): number {
  return 16 + (k >> 2) * 32 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3);
}
