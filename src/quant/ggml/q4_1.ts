import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q4_1: 32 weights in 20 bytes, w = n · d + m, rounded once.
 *
 *     byte 0    d, f16
 *     byte 2    m, f16
 *     byte 4+j  n[j] low, n[j+16] high        j = 0 … 15
 *
 * Source: block_q4_1 and dequantize_row_q4_1 in ggml.
 */
export function dequantizeQ4_1(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  const m = f16ToF32(src[from + 2] | (src[from + 3] << 8));
  for (let k = 0; k < 32; k++) out[at + k] = d * intQ4_1(src, from, k) + m;
}

/** n[k] of the block at byte `from`. */
export function intQ4_1(src: Uint8Array, from: number, k: number): number {
  return (src[from + 4 + (k & 15)] >> (k & 16 ? 4 : 0)) & 15;
}
