import { FormatError } from "../errors.ts";
import { BLOCK_BYTES, groupsOf, type PackedMatrix, ROWS } from "./packed-matrix.ts";

/**
 * q4z: weight = (n - z) · s, with n an unsigned nibble, s an f16 scale and z a whole number of 0 … 15, both for each 32 neighbours along the
 * input. GPTQ, AWQ and compressed-tensors quantize so; a minimum s · z in f16 would lose 4e-4 of it.
 *
 * A block is 8 rows × 32 inputs, 152 bytes: their zero points, less the 8 that q4 has for all, and then a block of q4 (q4.ts):
 *
 *     byte 0…7      z - 8 of row 0 … 7, int8
 *     byte 8…151    s of row 0 … 7 | nibbles, as q4's
 *
 * So a group whose zero points are all 8 is q4 behind 8 bytes of 0. Padding rows have z = 8 and s = 0; padding inputs have n = 8, whatever z
 * is: they meet no input. (Zero points in a place of their own, behind all blocks of the rows, took twice the time to read from memory.)
 */
function zeroByte(matrix: PackedMatrix, row: number, group: number): number {
  const block = Math.floor(row / ROWS) * groupsOf(matrix.cols) + group;
  return matrix.ptr + block * BLOCK_BYTES.q4z + (row % ROWS);
}

/** The zero point of one group of one row, 0 … 15. */
export function readZero(matrix: PackedMatrix, row: number, group: number): number {
  return new Int8Array(matrix.arena.buffer, zeroByte(matrix, row, group), 1)[0] + 8;
}

/**
 * Writes the zero point of one group of one row, 0 … 15; nibbles and scale are q4's (`writeQ4Group`). `row` may be a padding row.
 * @throws FormatError if it is out of range
 */
export function writeZero(matrix: PackedMatrix, row: number, group: number, zero: number): void {
  if (!(zero >= 0 && zero <= 15)) throw new FormatError({ what: "q4z: a zero point", got: zero, expected: "0 … 15" });
  new Int8Array(matrix.arena.buffer, zeroByte(matrix, row, group), 1)[0] = zero - 8;
}
