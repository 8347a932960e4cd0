import { K_BYTES, type KFormat, type PackedMatrix, ROWS, SUPER, superBytes } from "./packed-matrix.ts";

/**
 * q4k and q5k: weight = (d · s) · n - (dmin · m), with n of 4 or 5 bits, s and m of 6 bits for each 32 neighbours, d and dmin for 256.
 * q6k: weight = (d · s) · n, with n an int8 and s an int8 for each 16 neighbours. All are float32 operations; only the subtraction rounds.
 *
 * A block is 8 rows (r) × 256 inputs; blocks of one row group follow each other along the inputs, then the next 8 rows:
 *
 *     byte 0…31      d of row 0 … 7, f32
 *     byte 32…63     dmin of row 0 … 7, f32 (not in q6k)
 *     then 8 groups of 32 inputs:
 *       byte 0…7     s of row 0 … 7 (u8); in q6k of the first 16 inputs (i8)
 *       byte 8…15    m of row 0 … 7 (u8); in q6k s of the last 16 inputs (i8)
 *       byte 16 + …  q4k: nibbles as in q4.ts, 128 bytes; q5k and q6k: bytes as in q8.ts, 256
 *
 * d and dmin are f16 in files; as f32 they cost a quarter of a bit a weight and spare the kernel a conversion. Padding rows are zeros throughout.
 */
export function kBlock({ ptr, format, cols }: PackedMatrix, row: number, block: number): number {
  return ptr + (Math.floor(row / ROWS) * (cols / SUPER) + block) * superBytes(format as KFormat);
}

/** One row of a K-format as numbers: of group g, weight k = d · s · n - dmin · m. */
export interface KRow {
  /** [cols] */
  readonly n: Int8Array;
  /** d · s of each 16 neighbours, f32 [cols / 16], exact. */
  readonly scale: Float32Array;
  /** dmin · m of each 32 neighbours, f32 [cols / 32], exact; 0 in q6k. */
  readonly min: Float32Array;
}

/** Row `row` of a matrix in a K-format. */
export function readKRow(matrix: PackedMatrix, row: number): KRow {
  const { cols, arena } = matrix;
  const format = matrix.format as KFormat;
  const { head, group } = K_BYTES[format];
  const bytes = new Uint8Array(arena.buffer);
  const view = new DataView(arena.buffer);
  const r = row % ROWS;
  const out = { n: new Int8Array(cols), scale: new Float32Array(cols / 16), min: new Float32Array(cols / 32) };
  for (let block = 0; block < cols / SUPER; block++) {
    const at = kBlock(matrix, row, block);
    const d = view.getFloat32(at + 4 * r, true);
    for (let g = 0; g < 8; g++) {
      const from = at + head + g * group;
      const number = block * 8 + g;
      if (format === "q6k") {
        out.scale[2 * number] = d * view.getInt8(from + r);
        out.scale[2 * number + 1] = d * view.getInt8(from + 8 + r);
      } else {
        out.scale.fill(d * bytes[from + r], 2 * number, 2 * number + 2);
        out.min[number] = view.getFloat32(at + 32 + 4 * r, true) * bytes[from + 8 + r];
      }
      for (let k = 0; k < 32; k++) {
        const wide = format !== "q4k";
        const place = from + 16 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3);
        out.n[number * 32 + k] = wide
          ? bytes[place + (k >> 2) * 32]
          : (bytes[place + (k >> 3) * 32] >> (k & 4 ? 4 : 0)) & 15;
      }
    }
  }
  return out;
}
