import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q2_K: 256 weights in 84 bytes, w = (d · s) · n - (dmin · m) with n of 2 bits, and s, m of 4 bits for each 16 neighbours; rounded once.
 *
 *     byte 0+g    s[g] low, m[g] high                 g = 0 … 15, groups of 16
 *     byte 16+    32 bytes for each 128 weights: byte j has n[j], n[j+32], n[j+64], n[j+96], from the lowest bits on
 *     byte 80     d, f16
 *     byte 82     dmin, f16
 *
 * Source: block_q2_K and dequantize_row_q2_K in ggml.
 */
export function dequantizeQ2_K(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from + 80] | (src[from + 81] << 8));
  const dmin = f16ToF32(src[from + 82] | (src[from + 83] << 8));
  for (let k = 0; k < 256; k++) {
    const scales = src[from + (k >> 4)];
    out[at + k] = d * (scales & 15) * intQ2_K(src, from, k) - dmin * (scales >> 4);
  }
}

/** n[k] of the block at byte `from`. */
export function intQ2_K(src: Uint8Array, from: number, k: number): number {
  return (src[from + 16 + (k >> 7) * 32 + (k & 31)] >> (((k >> 5) & 3) * 2)) & 3;
}
