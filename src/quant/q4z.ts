import { FormatError } from "../errors.ts";
import { BLOCK_BYTES, groupsOf, type PackedMatrix, ROWS, rowGroupBytes } from "./packed-matrix.ts";

/**
 * q4z: weight = (n - z) · s, with n an unsigned nibble, s an f16 scale and z a whole number of 0 … 15, both for each 32 neighbours along the
 * input. GPTQ, AWQ and compressed-tensors quantize so; a minimum s · z in f16 would lose 4e-4 of it.
 *
 * The blocks of one row group (8 rows) lie as q4's (q4.ts), and behind them their zero points, less the 8 that q4 has for all:
 *
 *     G blocks of 144 bytes | G × 8 int8: z - 8 of row 0 … 7, group by group | 0 or 8 bytes, so that the next row group is aligned to 16
 *
 * So a q4z matrix whose zero points are all 8 is q4 but for the zeros in between. Padding rows have z = 8 and s = 0; padding inputs
 * have n = 8, whatever z is: they meet no input.
 */
function zeroByte(matrix: PackedMatrix, row: number, group: number): number {
  const first = matrix.ptr + Math.floor(row / ROWS) * rowGroupBytes("q4z", matrix.cols);
  return first + groupsOf(matrix.cols) * BLOCK_BYTES.q4z + group * ROWS + (row % ROWS);
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
