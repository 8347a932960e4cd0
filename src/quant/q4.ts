import { FormatError } from "../errors.ts";
import { BLOCK_BYTES, GROUP, groupsOf, type PackedMatrix, ROWS, SCALES_AT } from "./packed-matrix.ts";

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
 *
 * A q4z matrix has the same blocks, each behind its zero points (q4z.ts); `q4Block` gives where the q4 block begins.
 */
export function q4Block(matrix: PackedMatrix, row: number, group: number): number {
  const format = matrix.format === "q4z" ? "q4z" : "q4";
  const block = Math.floor(row / ROWS) * groupsOf(matrix.cols) + group;
  return matrix.ptr + block * BLOCK_BYTES[format] + SCALES_AT[format];
}

/** Where weight (r = row mod 8, k = input mod 32) lies in its block: the byte, and how far its nibble is shifted. */
export function q4Nibble(r: number, k: number): { byte: number; shift: 0 | 4 } {
  const chunk = k >> 3;
  const vector = r >> 2;
  return { byte: 16 + chunk * 32 + vector * 16 + (r & 3) * 4 + (k & 3), shift: (k & 4) === 0 ? 0 : 4 };
}

/**
 * Writes one group of one row: its 32 nibbles (0 … 15, input by input; 8 where the matrix has no such input) and the bits of its f16 scale.
 * `row` may be a padding row, up to the next multiple of 8.
 * @throws FormatError if a nibble is out of range
 */
export function writeQ4Group(
  matrix: PackedMatrix,
  row: number,
  group: number,
  nibbles: ArrayLike<number>,
  scale: number,
): void {
  const block = new Uint8Array(matrix.arena.buffer, q4Block(matrix, row, group), BLOCK_BYTES.q4);
  const r = row % ROWS;
  block[2 * r] = scale & 0xff;
  block[2 * r + 1] = scale >> 8;
  for (let k = 0; k < GROUP; k++) {
    const n = nibbles[k];
    if (!(n >= 0 && n <= 15)) throw new FormatError({ what: "q4: a nibble", got: n, expected: "0 … 15" });
    const { byte, shift } = q4Nibble(r, k);
    block[byte] = (block[byte] & (0xf0 >> shift)) | (n << shift);
  }
}

/** Reads one group of one row: its 32 nibbles into `nibbles`; returns the bits of its f16 scale. */
export function readQ4Group(matrix: PackedMatrix, row: number, group: number, nibbles: Uint8Array | Int8Array): number {
  const bytes = new Uint8Array(matrix.arena.buffer);
  return readQ4(nibbles, 0, bytes, q4Block(matrix, row, group), row % ROWS);
}

/** The same for row r of the block at byte `block`, to `nibbles` from index `at`. */
export function readQ4(
  nibbles: Uint8Array | Int8Array,
  at: number,
  bytes: Uint8Array,
  block: number,
  r: number,
): number {
  let from = block + 16 + 4 * r; // rows 0-3 and rows 4-7 are neighbouring vectors
  for (let k = at; k < at + GROUP; k += 8) {
    for (let i = k; i < k + 4; i++) {
      const byte = bytes[from++];
      nibbles[i] = byte & 15;
      nibbles[i + 4] = byte >> 4;
    }
    from += 28; // over the other 7 rows
  }
  return bytes[block + 2 * r] | (bytes[block + 2 * r + 1] << 8);
}
