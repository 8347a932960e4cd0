import { low4 } from "./words.ts";

/** Which of a word's eight nibbles holds output 0 … 7: the order of nibbles is that of outputs 0 2 4 6 1 3 5 7. */
const NIBBLE_OF = [0, 4, 1, 5, 2, 6, 3, 7] as const;

/**
 * AWQ's layout in the order GEMM, of a linear layer with C inputs and N outputs, G' groups of `group_size` inputs:
 *
 *     qweight i32 [C, N / 8]    word (i, j): input i of outputs 8 j + 0, 2, 4, 6, 1, 3, 5, 7, from the lowest four bits up
 *     qzeros  i32 [G', N / 8]   the zero points, likewise
 *     scales  f16 [G', N]
 *
 *     weight[o, i] = scales[g, o] · (q[i, o] - zero[g, o])     g = floor(i / group_size)
 *
 * Source: WQLinear_GEMM of AutoAWQ (linear/gemm.py, utils/packing_utils.py).
 */
export function awqNibble(qweight: ArrayLike<number>, N: number, output: number, input: number): number {
  return low4(qweight[input * (N / 8) + (output >> 3)], NIBBLE_OF[output & 7]);
}

/** A zero point, 0 … 15. */
export function awqZero(qzeros: ArrayLike<number>, N: number, output: number, group: number): number {
  return awqNibble(qzeros, N, output, group);
}
