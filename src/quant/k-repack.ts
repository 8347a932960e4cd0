import { f16ToF32 } from "../tensor/convert.ts";
import { intIQ4_XS, scaleIQ4_XS } from "./ggml/iq4_xs.ts";
import { intQ2_K } from "./ggml/q2_k.ts";
import { intQ3_K, scaleQ3_K } from "./ggml/q3_k.ts";
import { intQ4_1 } from "./ggml/q4_1.ts";
import { intQ4_K, minK4, scaleK4 } from "./ggml/q4_k.ts";
import { intQ5_1 } from "./ggml/q5_1.ts";
import { intQ5_K } from "./ggml/q5_k.ts";
import { intQ6_K } from "./ggml/q6_k.ts";
import { kBlock, kGroup, writeKInt } from "./k-formats.ts";
import { K_LAYOUT, type KFormat, type PackedMatrix, ROWS } from "./packed-matrix.ts";

/** What a block of ggml has, whose first byte is byte `at` of `src`. */
interface Source {
  /** Of a block. */
  readonly bytes: number;
  /** Where d and dmin (or a minimum m that is added) are, as f16. */
  readonly d: number;
  readonly dmin?: number;
  /** n of weight k, as the kernel format has it. */
  n(src: Uint8Array, at: number, k: number): number;
  /** s and m of the h-th 16 weights, as bytes. */
  s?(src: Uint8Array, at: number, h: number): number;
  m?(src: Uint8Array, at: number, h: number): number;
}

const k4 = {
  s: (src: Uint8Array, at: number, h: number) => scaleK4(src, at + 4, h >> 1),
  m: (src: Uint8Array, at: number, h: number) => minK4(src, at + 4, h >> 1),
};

/** What of ggml's blocks comes into a K-format; told by their bytes. */
const SOURCES: Readonly<Record<KFormat, readonly Source[]>> = {
  q4k: [{ bytes: 144, d: 0, dmin: 2, n: intQ4_K, ...k4 }],
  q5k: [{ bytes: 176, d: 0, dmin: 2, n: intQ5_K, ...k4 }],
  q6k: [
    { bytes: 210, d: 208, n: intQ6_K, s: (src, at, h) => src[at + 192 + h] },
    { bytes: 110, d: 108, n: (src, at, k) => intQ3_K(src, at, k) + 28, s: scaleQ3_K },
  ],
  q2k: [{ bytes: 84, d: 80, dmin: 82, n: intQ2_K, s: (src, at, h) => src[at + h] }],
  q4x: [{ bytes: 136, d: 0, n: intIQ4_XS, s: (src, at, h) => scaleIQ4_XS(src, at, h >> 1) }],
  q4m: [{ bytes: 20, d: 0, dmin: 2, n: intQ4_1 }],
  q5m: [{ bytes: 24, d: 0, dmin: 2, n: intQ5_1 }],
};

/**
 * Rows `row` … of a matrix in a K-format from rows of ggml's blocks, without loss: Q4_K into q4k, Q5_K into q5k, Q6_K and Q3_K into q6k, Q2_K into q2k,
 * IQ4_XS into q4x, Q4_1 into q4m, Q5_1 into q5m. Rows past the last of the last block become zeros.
 * @param src u8 [n, row bytes]
 */
export function repackK(matrix: PackedMatrix, row: number, src: Uint8Array, n: number): void {
  const format = matrix.format as KFormat;
  const { span } = K_LAYOUT[format];
  const blocks = matrix.cols / span;
  const size = src.length / n / blocks;
  const source = SOURCES[format].find(({ bytes }) => bytes === size) as Source;
  const view = new DataView(matrix.arena.buffer);
  const end = row + Math.ceil(n / ROWS) * ROWS;
  new Uint8Array(matrix.arena.buffer).fill(0, kBlock(matrix, row, 0), kBlock(matrix, end, 0));
  for (let i = 0; i < n; i++) {
    for (let g = 0; g < matrix.cols / 32; g++) {
      const block = Math.floor((32 * g) / span);
      writeGroup(view, matrix, row + i, g, source, src, (i * blocks + block) * size, g % (span / 32));
    }
  }
}

/** Group `g` of a row: the `part`-th 32 weights of the block at byte `at`, into a matrix of zeros. */
function writeGroup(
  view: DataView,
  matrix: PackedMatrix,
  row: number,
  g: number,
  { d, dmin, n, s, m }: Source,
  src: Uint8Array,
  at: number,
  part: number,
): void {
  const { bits, head: headBytes, scales: scaleBytes } = K_LAYOUT[matrix.format as KFormat];
  const r = row % ROWS;
  const { head, scales } = kGroup(matrix, row, g);
  const f16 = (byte: number) => src[at + byte] | (src[at + byte + 1] << 8);
  if (headBytes === 0) {
    view.setUint16(scales + 2 * r, f16(d), true);
    view.setUint16(scales + 16 + 2 * r, f16(dmin as number) ^ 0x8000, true); // added in the file, taken off here
  } else {
    view.setFloat32(head + 4 * r, f16ToF32(f16(d)), true);
    if (dmin !== undefined) view.setFloat32(head + 32 + 4 * r, f16ToF32(f16(dmin)), true);
    view.setInt8(scales + r, s?.(src, at, 2 * part) ?? 0);
    view.setInt8(scales + 8 + r, (m ?? s)?.(src, at, 2 * part + 1) ?? 0);
  }
  for (let k = 0; k < 32; k++) writeKInt(view, scales + scaleBytes, bits, r, k, n(src, at, 32 * part + k));
}
