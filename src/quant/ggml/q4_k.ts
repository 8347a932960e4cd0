import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q4_K: 256 weights in 144 bytes, w = (d · s) · n - (dmin · m) with n of 4 bits, and s, m of 6 bits for each 32 neighbours; rounded once.
 *
 *     byte 0      d, f16
 *     byte 2      dmin, f16
 *     byte 4+     s and m, 12 bytes:     byte i      low 6: s[i]      high 2: bits 4, 5 of s[i+4]        i = 0 … 3
 *                                        byte 4+i    low 6: m[i]      high 2: bits 4, 5 of m[i+4]
 *                                        byte 8+i    low 4: s[i+4]    high 4: m[i+4]
 *     byte 16+    32 bytes for each 64 weights: byte j has n[j] low, n[j+32] high        j = 0 … 31
 *
 * Source: block_q4_K, get_scale_min_k4 and dequantize_row_q4_K in ggml.
 */
export function dequantizeQ4_K(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  const dmin = f16ToF32(src[from + 2] | (src[from + 3] << 8));
  for (let k = 0; k < 256; k++) {
    const g = k >> 5;
    out[at + k] = d * scaleK4(src, from + 4, g) * intQ4_K(src, from, k) - dmin * minK4(src, from + 4, g);
  }
}

/** n[k] of the block at byte `from`. */
export function intQ4_K(src: Uint8Array, from: number, k: number): number {
  return (src[from + 16 + (k >> 6) * 32 + (k & 31)] >> (k & 32 ? 4 : 0)) & 15;
}

/** s[g] of the 12 bytes at `from`. */
export function scaleK4(src: Uint8Array, from: number, g: number): number {
  return g < 4 ? src[from + g] & 63 : (src[from + 4 + g] & 15) | ((src[from + g - 4] >> 6) << 4);
}

/** m[g] of the 12 bytes at `from`. */
export function minK4(src: Uint8Array, from: number, g: number): number {
  return g < 4 ? src[from + 4 + g] & 63 : (src[from + 4 + g] >> 4) | ((src[from + g] >> 6) << 4);
}
