import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q3_K: 256 weights in 110 bytes, w = d · (s - 32) · (n - 4) with n of 3 bits, and s of 6 bits for each 16 neighbours; exact in float32.
 *
 *     byte 0+j    bit b is the third bit of n[32 b + j]                j = 0 … 31
 *     byte 32+    32 bytes for each 128 weights: byte j has the low two bits of n[j], n[j+32], n[j+64], n[j+96], from the lowest on
 *     byte 96+i   low 4 bits of s[i], of s[i+8]                        i = 0 … 7
 *     byte 104+i  high 2 bits of s[i], s[i+4], s[i+8], s[i+12]         i = 0 … 3
 *     byte 108    d, f16
 *
 * Source: block_q3_K and dequantize_row_q3_K in ggml.
 */
export function dequantizeQ3_K(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from + 108] | (src[from + 109] << 8));
  for (let k = 0; k < 256; k++) {
    out[at + k] = d * scaleQ3_K(src, from, k >> 4) * (intQ3_K(src, from, k) - 4);
  }
}

/** n[k] of the block at byte `from`. */
export function intQ3_K(src: Uint8Array, from: number, k: number): number {
  const low = (src[from + 32 + (k >> 7) * 32 + (k & 31)] >> (((k >> 5) & 3) * 2)) & 3;
  const high = (src[from + (k & 31)] >> (k >> 5)) & 1;
  return low | (high << 2);
}

/** s[g] - 32 of the block at byte `from`. */
export function scaleQ3_K(src: Uint8Array, from: number, g: number): number {
  const low = (src[from + 96 + (g & 7)] >> (g & 8 ? 4 : 0)) & 15;
  const high = (src[from + 104 + (g & 3)] >> ((g >> 2) * 2)) & 3;
  return (low | (high << 4)) - 32;
}
