import { allocInt8Rows, groupAt, type Int8Rows } from "../../src/kernels/index.ts";
import {
  allocMatrix,
  GROUP,
  groupsOf,
  type PackedMatrix,
  writeQ4Group,
  writeQ8Group,
  writeZero,
} from "../../src/quant/index.ts";
import { type Arena, f16ToF32, f32ToF16 } from "../../src/tensor/index.ts";
import { randomFloats, randomSource } from "../random.ts";
import { SIZES } from "./kinds.ts";

/** [T, N, C]: every C of SIZES with tails of rows and tokens, then sizes of real models with few rows. */
export const LINEAR_SHAPES: readonly (readonly number[])[] = [
  ...SIZES.map((C, i) => [1 + (i % 9), 1 + ((i * 5) % 19), C]),
  [5, 33, 256],
  [2, 10, 3072],
  [5, 9, 8192],
  [1, 9, 17920],
];

/** Megabytes of an arena for such a matrix of any format, its inputs and its results. */
export const roomFor = (N: number, C: number): number => (N * C > 2 ** 16 ? 1 : 1 / 4);

export type QuantFormat = "q4" | "q4z" | "q8";

/** A matrix of a format that is not f32 and what was put into it, which kernels do not see. */
export interface KnownMatrix {
  matrix: PackedMatrix;
  /** [N, 32 G]: nibble - 8, nibble - zero, or int8. */
  ints: Int8Array;
  /** [N, G]: what the f16 scales stand for. */
  scales: Float32Array;
}

/**
 * A matrix [N, C] of random integers and random f16 scales of either sign. Padding rows and inputs hold random weights too: by the
 * definition of linear they must not matter.
 */
export function randomMatrix(arena: Arena, format: QuantFormat, N: number, C: number, seed: number): KnownMatrix {
  const next = randomSource(seed);
  const G = groupsOf(C);
  const floats = randomFloats(seed + 1, Math.ceil(N / 8) * 8 * G, 0.02, 13);
  const low = format === "q8" ? -128 : -8;
  const zeros = Uint8Array.from({ length: floats.length }, () => (format === "q4z" ? Math.floor(next() * 16) : 8));
  const zero = (row: number, g: number) => zeros[row * G + g];
  return knownMatrix(arena, format, N, C, {
    int: (row, k) => low + Math.floor(next() * -2 * low) + (format === "q8" ? 0 : 8 - zero(row, Math.floor(k / GROUP))),
    zero,
    scale: (row, g) => f32ToF16(floats[row * G + g]),
  });
}

/** A matrix [N, C] with integers and f16 scale bits (and q4z's zero points, else 8) given by functions, which are asked about the padding too. */
export function knownMatrix(
  arena: Arena,
  format: QuantFormat,
  N: number,
  C: number,
  of: {
    int: (row: number, k: number) => number;
    scale: (row: number, group: number) => number;
    zero?: (row: number, group: number) => number;
  },
): KnownMatrix {
  const G = groupsOf(C);
  const matrix = allocMatrix(arena, format, N, C);
  const ints = new Int8Array(N * G * GROUP);
  const scales = new Float32Array(N * G);
  const group = new Int8Array(GROUP);
  const nibbles = new Uint8Array(GROUP);
  for (let row = 0; row < Math.ceil(N / 8) * 8; row++) {
    for (let g = 0; g < G; g++) {
      const bits = of.scale(row, g);
      const zero = of.zero?.(row, g) ?? 8;
      for (let k = 0; k < GROUP; k++) {
        group[k] = of.int(row, g * GROUP + k);
        nibbles[k] = group[k] + zero;
      }
      if (format === "q8") writeQ8Group(matrix, row, g, group, bits);
      else writeQ4Group(matrix, row, g, nibbles, bits);
      if (format === "q4z") writeZero(matrix, row, g, zero);
      if (row >= N) continue;
      ints.set(group, (row * G + g) * GROUP);
      scales[row * G + g] = f16ToF32(bits);
    }
  }
  return { matrix, ints, scales };
}

/** The weights [N, C] of a known matrix as float32, which is exact. */
export function floatsOf({ matrix, ints, scales }: KnownMatrix): Float32Array {
  const { rows: N, cols: C } = matrix;
  const G = groupsOf(C);
  return Float32Array.from({ length: N * C }, (_, i) => {
    const [n, c] = [Math.floor(i / C), i % C];
    return ints[n * G * GROUP + c] * scales[n * G + Math.floor(c / GROUP)];
  });
}

/** An f32 matrix [N, C] with the given weights. */
export function plainMatrix(arena: Arena, N: number, C: number, weights: ArrayLike<number>): PackedMatrix {
  const matrix = allocMatrix(arena, "f32", N, C);
  new Float32Array(arena.buffer, matrix.ptr, N * C).set(weights);
  return matrix;
}

/** int8 activations of random numbers, rather than of a quantizer: -127 … 127, scales positive. The tail of the last group is 0. */
export function randomInt8Rows(arena: Arena, T: number, C: number, seed: number): Int8Rows {
  const next = randomSource(seed);
  const scales = randomFloats(seed + 1, T * groupsOf(C), 0.1, 7);
  return knownInt8Rows(arena, T, C, {
    int: () => Math.floor(next() * 255) - 127,
    scale: (t, g) => Math.abs(scales[t * groupsOf(C) + g]),
  });
}

/** int8 activations [T, C] given by functions; offset and pairs follow from them. */
export function knownInt8Rows(
  arena: Arena,
  T: number,
  C: number,
  of: { int: (t: number, c: number) => number; scale: (t: number, group: number) => number },
): Int8Rows {
  const rows = allocInt8Rows(arena, T, C);
  const G = groupsOf(C);
  for (let t = 0; t < T; t++) {
    for (let g = 0; g < G; g++) {
      const at = groupAt(T, G, t, g);
      rows.scale.data[at] = of.scale(t, g);
      const ints = Array.from({ length: GROUP }, (_, k) => (g * GROUP + k < C ? of.int(t, g * GROUP + k) : 0));
      fillInt8Group(rows, at, ints, t >= T - (T % 4));
    }
  }
  return rows;
}

/** Writes what Int8Rows says of 32 integers at group number `at`, of a single token or one of four. */
export function fillInt8Group(rows: Int8Rows, at: number, ints: readonly number[], single: boolean): void {
  (rows.q.data as Int8Array).set(ints, at * GROUP);
  const sums = [0, 0, 0, 0];
  for (const [k, a] of ints.entries()) {
    sums[k % 4 < 2 ? 0 : 1] -= 8 * a;
    sums[k < 16 ? 2 : 3] += a;
  }
  (rows.offset.data as Int16Array).set(sums, 4 * at);
  for (let k = 0; k < GROUP; k += 8) {
    const a = ints.slice(k, k + 8);
    const pairs = single
      ? [
          a[0],
          a[2],
          a[4] - 16 * a[0],
          a[6] - 16 * a[2],
          a[1] - 16 * a[4],
          a[3] - 16 * a[6],
          a[5] - 16 * a[1],
          a[7] - 16 * a[3],
        ]
      : [a[0], a[2], a[1], a[3], a[4], a[6], a[5], a[7]];
    (rows.pairs.data as Int16Array).set(pairs, at * GROUP + k);
  }
}

/** Tokens from … end - 1 of `rows` as int8 rows of their own, which may lie in another order. */
export function tokensOf(rows: Int8Rows, from: number, end: number): Int8Rows {
  const G = groupsOf(rows.cols);
  const at = (t: number, g: number) => groupAt(rows.rows, G, from + t, g);
  return knownInt8Rows(rows.q.arena, end - from, rows.cols, {
    int: (t, c) => rows.q.data[at(t, Math.floor(c / GROUP)) * GROUP + (c % GROUP)],
    scale: (t, g) => rows.scale.data[at(t, g)],
  });
}
