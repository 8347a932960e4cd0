import { f16ToF32 } from "../tensor/convert.ts";
import { IQ4_VALUES } from "./ggml/iq4_nl.ts";
import { K_LAYOUT, type KFormat, kBlockBytes, kGroupBytes, type PackedMatrix, ROWS } from "./packed-matrix.ts";

/**
 * What blocks of GGUF files hold: weight = ds · n - dm, with n unsigned, and ds and dm of each 16 or 32 neighbours along the input. All are float32
 * operations; only the subtraction rounds.
 *
 *     format  n, bits      ds and dm                        bits a weight
 *     q4k     4            d · s, dmin · m of 32 inputs      4.75
 *     q5k     6            the same                          6.75          5 bits in files
 *     q2k     4            d · s, dmin · m of 16 inputs      4.75          s and m of 4 bits
 *     q6k     6, less 32   d · s of 16 inputs; no dm         6.625         s an int8
 *     q4x     a table's    the same                          4.625         n stands for one of 16 int8 (ggml/iq4_nl.ts)
 *     q4m     4            f16 of 32 inputs                  5
 *     q5m     6            the same                          7             5 bits in files
 *
 * A block is 8 rows (r) × 256 inputs (32 of q4m and q5m); blocks of one row group follow each other along the inputs, then the next 8 rows:
 *
 *     f32 [8]      d of row 0 … 7                 (q4m, q5m: not there)
 *     f32 [8]      dmin of row 0 … 7              (q4k, q5k, q2k)
 *     then for each 32 inputs:
 *       q4k, q5k        u8 s of row 0 … 7 | u8 m of row 0 … 7
 *       q6k, q4x, q2k   s of row 0 … 7 for the first 16 inputs | for the last 16; in q2k m is the upper half of the byte
 *       q4m, q5m        f16 ds of row 0 … 7 | f16 dm of row 0 … 7
 *       then for each 16 of these (k):
 *         4 bits    64 bytes, as q4's nibbles (q4.ts)
 *         6 bits    96 bytes: vectors v0, v1, v2 of rows 0-3, and of rows 4-7 behind each, with 4 bytes a row. k = 0 … 3, 4 … 7 and 8 … 11 are
 *                   the lower 6 bits of their bytes; of k = 12 … 15 the two bits above in v0 are bits 4 and 5, in v1 2 and 3, in v2 0 and 1
 *
 * d and dmin are f16 in files; as f32 they cost a quarter of a bit a weight and spare the kernel a conversion. Padding rows are zeros throughout.
 */
export function kBlock({ ptr, format, cols }: PackedMatrix, row: number, block: number): number {
  const { span } = K_LAYOUT[format as KFormat];
  return ptr + (Math.floor(row / ROWS) * (cols / span) + block) * kBlockBytes(format as KFormat);
}

/** Where group `g` of 32 inputs of a row's block begins: its scales, behind the `head` of its block. */
export function kGroup(matrix: PackedMatrix, row: number, g: number): { head: number; scales: number } {
  const format = matrix.format as KFormat;
  const { span } = K_LAYOUT[format];
  const head = kBlock(matrix, row, Math.floor((32 * g) / span));
  return { head, scales: head + K_LAYOUT[format].head + (g % (span / 32)) * kGroupBytes(format) };
}

/** Weight k (0 … 31) of row r of a group whose weights begin at byte `at`: n as it is stored. */
function readKInt(view: DataView, at: number, bits: number, r: number, k: number): number {
  const chunk = (k >> 2) & 3;
  const byte = (vector: number) => view.getUint8(kByte(at, bits, r, k, vector));
  if (bits === 4) return (byte(chunk >> 1) >> (k & 4)) & 15;
  return chunk < 3 ? byte(chunk) & 63 : ((byte(0) >> 6) << 4) | ((byte(1) >> 6) << 2) | (byte(2) >> 6);
}

/** Writes it, where zeros are. */
export function writeKInt(view: DataView, at: number, bits: number, r: number, k: number, n: number): void {
  const chunk = (k >> 2) & 3;
  const add = (vector: number, value: number) => {
    const byte = kByte(at, bits, r, k, vector);
    view.setUint8(byte, view.getUint8(byte) | value);
  };
  if (bits === 4) add(chunk >> 1, n << (k & 4));
  else if (chunk < 3) add(chunk, n);
  else for (let v = 0; v < 3; v++) add(v, ((n >> (4 - 2 * v)) & 3) << 6);
}

/** The byte of a vector that is row r's and of the inputs k mod 4. */
const kByte = (at: number, bits: number, r: number, k: number, vector: number): number =>
  at + (k >> 4) * 16 * bits + vector * 32 + (r >> 2) * 16 + (r & 3) * 4 + (k & 3);

/** One row of a K-format as numbers: weight k = scale · n - min. */
export interface KRow {
  /** [cols], whole numbers; q6k's less 32, and q4x's those of the table. */
  readonly n: Int8Array;
  /** ds of each 16 neighbours, f32 [cols / 16], exact. */
  readonly scale: Float32Array;
  /** dm of the same, exact; 0 where the format has none. */
  readonly min: Float32Array;
}

/** Row `row` of a matrix in a K-format. */
export function readKRow(matrix: PackedMatrix, row: number): KRow {
  const { cols, arena } = matrix;
  const format = matrix.format as KFormat;
  const { bits, scales: scaleBytes } = K_LAYOUT[format];
  const view = new DataView(arena.buffer);
  const r = row % ROWS;
  const out = { n: new Int8Array(cols), scale: new Float32Array(cols / 16), min: new Float32Array(cols / 16) };
  for (let g = 0; g < cols / 32; g++) {
    const { head, scales } = kGroup(matrix, row, g);
    for (let h = 0; h < 2; h++)
      [out.scale[2 * g + h], out.min[2 * g + h]] = readScales(view, format, head, scales, r, h);
    for (let k = 0; k < 32; k++) {
      const n = readKInt(view, scales + scaleBytes, bits, r, k);
      out.n[32 * g + k] = format === "q4x" ? IQ4_VALUES[n] : format === "q6k" ? n - 32 : n;
    }
  }
  return out;
}

/** ds and dm of row r and half h of the group whose scales are there. */
function readScales(view: DataView, format: KFormat, head: number, at: number, r: number, h: number): [number, number] {
  const f16 = (byte: number) => f16ToF32(view.getUint16(byte, true));
  if (format === "q4m" || format === "q5m") return [f16(at + 2 * r), f16(at + 16 + 2 * r)];
  const d = view.getFloat32(head + 4 * r, true);
  if (format === "q6k" || format === "q4x") return [d * view.getInt8(at + 8 * h + r), 0];
  const dmin = view.getFloat32(head + 32 + 4 * r, true);
  const byte = view.getUint8(at + 8 * h + r);
  if (format === "q2k") return [d * (byte & 15), dmin * (byte >> 4)];
  return [d * view.getUint8(at + r), dmin * view.getUint8(at + 8 + r)];
}
