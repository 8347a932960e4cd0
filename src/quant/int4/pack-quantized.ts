import { low4 } from "./words.ts";

/**
 * The layout "pack-quantized" of compressed-tensors with 4 bits, of a linear layer with C inputs and N outputs, G' groups of inputs (1 for
 * the strategy "channel"):
 *
 *     weight_packed     i32 [N, ceil(C / 8)]    word (o, j): inputs 8 j … 8 j + 7 of output o, the first in the lowest four bits, each + 8
 *     weight_scale      bf16, f16 or f32 [N, G']
 *     weight_zero_point i32 [ceil(N / 8), G']   word (j, g): outputs 8 j … 8 j + 7, likewise; or i8 [N, G'] as they are. Absent: all 0
 *     weight_g_idx      i32 [C]                 the group of each input, where it is not floor(i / group_size)
 *     weight_shape      i64 [2]                 N, C
 *
 *     weight[o, i] = scale[o, g] · (q[o, i] - zero[o, g])     q and zero of -8 … 7
 *
 * Both are read with their 8 here, which the difference takes away again.
 * Source: compressed-tensors, compressors/quantized_compressors/pack_quantized.py (pack_to_int32).
 */
export function packedNibble(packed: ArrayLike<number>, C: number, output: number, input: number): number {
  return low4(packed[output * Math.ceil(C / 8) + (input >> 3)], input & 7);
}

/** A zero point + 8 of packed ones, 0 … 15. `groups`: G'. */
export function packedZero(zeros: ArrayLike<number>, groups: number, output: number, group: number): number {
  return low4(zeros[(output >> 3) * groups + group], output & 7);
}
