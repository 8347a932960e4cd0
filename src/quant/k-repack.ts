import { f16ToF32 } from "../tensor/convert.ts";
import { IQ4_VALUES } from "./ggml/iq4_nl.ts";
import { scaleIQ4_XS } from "./ggml/iq4_xs.ts";
import { scaleQ3_K } from "./ggml/q3_k.ts";
import { minK4, scaleK4 } from "./ggml/q4_k.ts";
import { kBlock } from "./k-formats.ts";
import { K_BYTES, type KFormat, type PackedMatrix, ROWS, SUPER } from "./packed-matrix.ts";

/** What of ggml's blocks of 256 comes into a K-format, by the bytes of a block. */
const SOURCES: Readonly<Record<KFormat, readonly { bytes: number; move: Move }[]>> = {
  q4k: [{ bytes: 144, move: moveQ4_K }],
  q5k: [{ bytes: 176, move: moveQ5_K }],
  q6k: [
    { bytes: 210, move: moveQ6_K },
    { bytes: 110, move: moveQ3_K },
    { bytes: 136, move: moveIQ4_XS },
  ],
};

/** Bytes of the blocks that {@link repackK} takes for a format. */
export const kSourceBytes = (format: KFormat): readonly number[] => SOURCES[format].map(({ bytes }) => bytes);

/**
 * Rows `row` … of a matrix in a K-format from rows of ggml's blocks of 256, without loss: Q4_K into q4k, Q5_K into q5k, and Q6_K, Q3_K or IQ4_XS,
 * which is told by the bytes of a row, into q6k. Rows past the last of the last block become zeros.
 * @param src u8 [n, row bytes]
 */
export function repackK(matrix: PackedMatrix, row: number, src: Uint8Array, n: number): void {
  const format = matrix.format as KFormat;
  const blocks = matrix.cols / SUPER;
  const size = src.length / n / blocks;
  const { move } = SOURCES[format].find(({ bytes }) => bytes === size) as { move: Move };
  const { head, group } = K_BYTES[format];
  const bytes = new Uint8Array(matrix.arena.buffer);
  const view = new DataView(matrix.arena.buffer);
  const end = Math.ceil(n / ROWS) * ROWS;
  if (end > n) bytes.fill(0, kBlock(matrix, row + end - ROWS, 0), kBlock(matrix, row + end, 0));
  for (let i = 0; i < n; i++) {
    for (let block = 0; block < blocks; block++) {
      move(
        bytes,
        view,
        kBlock(matrix, row + i, block),
        (row + i) % ROWS,
        src,
        (i * blocks + block) * size,
        head,
        group,
      );
    }
  }
}

/** Moves the block at byte `from` of `src` to row r of the block at byte `at`. */
type Move = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
) => void;

/** Where the first four inputs of row r lie in a group. */
const lane = (r: number): number => 16 + (r >> 2) * 16 + (r & 3) * 4;

const f16At = (src: Uint8Array, at: number): number => f16ToF32(src[at] | (src[at + 1] << 8));

function moveQ4_K(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  moveScales(bytes, view, at, r, src, from, head, group);
  for (let pair = 0; pair < 4; pair++) {
    let low = at + head + 2 * pair * group + lane(r);
    for (let j = from + 16 + 32 * pair; j < from + 48 + 32 * pair; j += 8) {
      for (let i = 0; i < 4; i++) {
        bytes[low + i] = (src[j + i] & 15) | ((src[j + i + 4] & 15) << 4);
        bytes[low + group + i] = (src[j + i] >> 4) | (src[j + i + 4] & 0xf0);
      }
      low += 32;
    }
  }
}

/** d, dmin, and the s and m of all groups, of Q4_K and Q5_K. */
function moveScales(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  view.setFloat32(at + 4 * r, f16At(src, from), true);
  view.setFloat32(at + 32 + 4 * r, f16At(src, from + 2), true);
  for (let g = 0; g < 8; g++) {
    bytes[at + head + g * group + r] = scaleK4(src, from + 4, g);
    bytes[at + head + g * group + 8 + r] = minK4(src, from + 4, g);
  }
}

function moveQ5_K(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  moveScales(bytes, view, at, r, src, from, head, group);
  for (let g = 0; g < 8; g++) {
    const to = at + head + g * group + lane(r);
    const low = from + 48 + (g >> 1) * 32;
    const shift = g & 1 ? 4 : 0;
    for (let k = 0; k < 32; k++) {
      const n = ((src[low + k] >> shift) & 15) | (((src[from + 16 + k] >> g) & 1) << 4);
      bytes[to + (k >> 2) * 32 + (k & 3)] = n;
    }
  }
}

function moveQ6_K(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  view.setFloat32(at + 4 * r, f16At(src, from + 208), true);
  for (let g = 0; g < 8; g++) {
    const place = at + head + g * group;
    bytes[place + r] = src[from + 192 + 2 * g];
    bytes[place + 8 + r] = src[from + 193 + 2 * g];
    const half = g >> 2;
    const low = from + half * 64 + (g & 1) * 32;
    const high = from + 128 + half * 32;
    const [lowShift, highShift] = [g & 2 ? 4 : 0, (g & 3) * 2];
    const to = place + lane(r);
    for (let k = 0; k < 32; k++) {
      const n = ((src[low + k] >> lowShift) & 15) | (((src[high + k] >> highShift) & 3) << 4);
      bytes[to + (k >> 2) * 32 + (k & 3)] = n - 32;
    }
  }
}

function moveQ3_K(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  view.setFloat32(at + 4 * r, f16At(src, from + 108), true);
  for (let g = 0; g < 8; g++) {
    const place = at + head + g * group;
    bytes[place + r] = scaleQ3_K(src, from, 2 * g);
    bytes[place + 8 + r] = scaleQ3_K(src, from, 2 * g + 1);
    const low = from + 32 + (g >> 2) * 32;
    const shift = (g & 3) * 2;
    const to = place + lane(r);
    for (let k = 0; k < 32; k++) {
      const n = ((src[low + k] >> shift) & 3) | (((src[from + k] >> g) & 1) << 2);
      bytes[to + (k >> 2) * 32 + (k & 3)] = n - 4;
    }
  }
}

function moveIQ4_XS(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  r: number,
  src: Uint8Array,
  from: number,
  head: number,
  group: number,
): void {
  view.setFloat32(at + 4 * r, f16At(src, from), true);
  for (let g = 0; g < 8; g++) {
    const place = at + head + g * group;
    const s = scaleIQ4_XS(src, from, g);
    bytes[place + r] = s;
    bytes[place + 8 + r] = s;
    const to = place + lane(r);
    for (let k = 0; k < 32; k++) {
      const n = (src[from + 8 + 16 * g + (k & 15)] >> (k & 16 ? 4 : 0)) & 15;
      bytes[to + (k >> 2) * 32 + (k & 3)] = IQ4_VALUES[n];
    }
  }
}
