import { FormatError } from "../errors.ts";
import { BLOCK_BYTES, GROUP, groupsOf, type PackedMatrix, ROWS } from "./packed-matrix.ts";

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
function q8Byte(r: number, k: number): number {
  return 16 + (k >> 2) * 32 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3);
}

/**
 * Writes one group of one row: its 32 int8 (input by input; 0 where the matrix has no such input) and the bits of its f16 scale.
 * `row` may be a padding row, up to the next multiple of 8.
 * @throws FormatError if a value is out of range
 */
export function writeQ8Group(
  matrix: PackedMatrix,
  row: number,
  group: number,
  values: ArrayLike<number>,
  scale: number,
): void {
  const block = new Uint8Array(matrix.arena.buffer, q8Block(matrix, row, group), BLOCK_BYTES.q8);
  const r = row % ROWS;
  block[2 * r] = scale & 0xff;
  block[2 * r + 1] = scale >> 8;
  for (let k = 0; k < GROUP; k++) {
    const q = values[k];
    if (!(q >= -128 && q <= 127)) throw new FormatError({ what: "q8: a weight", got: q, expected: "-128 … 127" });
    block[q8Byte(r, k)] = q;
  }
}

/** Reads one group of one row: its 32 int8 into `values`; returns the bits of its f16 scale. */
export function readQ8Group(matrix: PackedMatrix, row: number, group: number, values: Int8Array): number {
  return readQ8(values, 0, new Uint8Array(matrix.arena.buffer), q8Block(matrix, row, group), row % ROWS);
}

/** The same for row r of the block at byte `block`, to `values` from index `at`. */
export function readQ8(values: Int8Array, at: number, bytes: Uint8Array, block: number, r: number): number {
  let from = block + 16 + 4 * r; // rows 0-3 and rows 4-7 are neighbouring vectors
  for (let k = at; k < at + GROUP; k += 4) {
    for (let i = k; i < k + 4; i++) values[i] = bytes[from++];
    from += 28; // over the other 7 rows
  }
  return bytes[block + 2 * r] | (bytes[block + 2 * r + 1] << 8);
}
