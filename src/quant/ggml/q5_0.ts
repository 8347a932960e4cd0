import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q5_0: 32 weights in 22 bytes, w = (n - 16) · d with n of 5 bits, exact in float32.
 *
 *     byte 0    d, f16
 *     byte 2    u32: bit k is the fifth bit of n[k]
 *     byte 6+j  low bits of n[j] low, of n[j+16] high        j = 0 … 15
 *
 * Source: block_q5_0 and dequantize_row_q5_0 in ggml.
 */
export function dequantizeQ5_0(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  for (let k = 0; k < 32; k++) out[at + k] = d * (fiveBits(src, from + 2, k) - 16);
}

/** n[k] of a block whose fifth bits begin at byte `from`. */
export function fiveBits(src: Uint8Array, from: number, k: number): number {
  const high = (src[from + (k >> 3)] >> (k & 7)) & 1;
  const low = (src[from + 4 + (k & 15)] >> (k & 16 ? 4 : 0)) & 15;
  return low | (high << 4);
}
