import { allocInt8Rows, type Int8Rows } from "../../src/kernels/index.ts";
import { allocMatrix, GROUP, groupsOf, type PackedMatrix, writeQ4Group, writeQ8Group } from "../../src/quant/index.ts";
import { type Arena, f16ToF32, f32ToF16 } from "../../src/tensor/index.ts";
import { randomFloats, randomSource } from "../random.ts";

export type QuantFormat = "q4" | "q8";

/** A q4 or q8 matrix and what was put into it, which kernels do not see. */
export interface KnownMatrix {
  matrix: PackedMatrix;
  /** [N, 32 G]: nibble - 8 or int8. */
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
  const low = format === "q4" ? -8 : -128;
  return knownMatrix(arena, format, N, C, {
    int: () => low + Math.floor(next() * -2 * low),
    scale: (row, g) => f32ToF16(floats[row * G + g]),
  });
}

/** A matrix [N, C] with integers and f16 scale bits given by functions, which are asked about the padding too. */
export function knownMatrix(
  arena: Arena,
  format: QuantFormat,
  N: number,
  C: number,
  of: { int: (row: number, k: number) => number; scale: (row: number, group: number) => number },
): KnownMatrix {
  const G = groupsOf(C);
  const matrix = allocMatrix(arena, format, N, C);
  const ints = new Int8Array(N * G * GROUP);
  const scales = new Float32Array(N * G);
  for (let row = 0; row < Math.ceil(N / 8) * 8; row++) {
    for (let g = 0; g < G; g++) {
      const group = Array.from({ length: GROUP }, (_, k) => of.int(row, g * GROUP + k));
      const bits = of.scale(row, g);
      if (format === "q8") writeQ8Group(matrix, row, g, group, bits);
      else
        writeQ4Group(
          matrix,
          row,
          g,
          group.map((i) => i + 8),
          bits,
        );
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

/** int8 activations [T, C] given by functions; sum and pairs follow from them. */
export function knownInt8Rows(
  arena: Arena,
  T: number,
  C: number,
  of: { int: (t: number, c: number) => number; scale: (t: number, group: number) => number },
): Int8Rows {
  const rows = allocInt8Rows(arena, T, C);
  const G = groupsOf(C);
  const pairs = [0, 4, 1, 5, 2, 6, 3, 7]; // where each of 8 neighbours goes
  for (let t = 0; t < T; t++) {
    for (let g = 0; g < G; g++) {
      rows.scale.data[t * G + g] = of.scale(t, g);
      for (let k = 0; k < Math.min(GROUP, C - g * GROUP); k++) {
        const int = of.int(t, g * GROUP + k);
        const at = (t * G + g) * GROUP;
        rows.q.data[at + k] = int;
        rows.pairs.data[at + (k & 24) + pairs[k & 7]] = int;
        rows.sum.data[t * G + g] += int;
      }
    }
  }
  return rows;
}
