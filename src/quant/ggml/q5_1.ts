import { f16ToF32 } from "../../tensor/convert.ts";
import { fiveBits } from "./q5_0.ts";

/**
 * Q5_1: 32 weights in 24 bytes, w = n · d + m with n of 5 bits, rounded once.
 *
 *     byte 0    d, f16
 *     byte 2    m, f16
 *     byte 4    u32: bit k is the fifth bit of n[k]
 *     byte 8+j  low bits of n[j] low, of n[j+16] high        j = 0 … 15
 *
 * Source: block_q5_1 and dequantize_row_q5_1 in ggml.
 */
export function dequantizeQ5_1(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  const m = f16ToF32(src[from + 2] | (src[from + 3] << 8));
  for (let k = 0; k < 32; k++) out[at + k] = d * intQ5_1(src, from, k) + m;
}

/** n[k] of the block at byte `from`. */
export const intQ5_1 = (src: Uint8Array, from: number, k: number): number => fiveBits(src, from + 4, k);
