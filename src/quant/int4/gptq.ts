import { low4 } from "./words.ts";

/**
 * GPTQ's layout, of a linear layer with C inputs and N outputs, G' groups of inputs:
 *
 *     qweight i32 [C / 8, N]    word (i, o): inputs 8 i … 8 i + 7 of output o, the first in the lowest four bits
 *     qzeros  i32 [G', N / 8]   word (g, j): the zero points of outputs 8 j … 8 j + 7, likewise; one less than they are in checkpoint_format
 *                               "gptq" (v1, also what files without the key have), as they are in "gptq_v2"
 *     scales  f16 [G', N]
 *     g_idx   i32 [C]           the group of each input; floor(i / group_size) where it is left out
 *
 *     weight[o, i] = scales[g, o] · (q[i, o] - zero[g, o])     g = g_idx[i]
 *
 * The zero point 0 is stored as 15 in v1: 1 is added modulo 16. Source: QuantLinear of AutoGPTQ (qlinear_cuda.py) and GPTQModel.
 */
export function gptqNibble(qweight: ArrayLike<number>, N: number, output: number, input: number): number {
  return low4(qweight[(input >> 3) * N + output], input & 7);
}

/** A zero point, 0 … 15. `less`: what the file's are too small by, 1 in v1 and 0 in v2. */
export function gptqZero(qzeros: ArrayLike<number>, N: number, output: number, group: number, less: 0 | 1): number {
  return (low4(qzeros[group * (N / 8) + (output >> 3)], output & 7) + less) & 15;
}
