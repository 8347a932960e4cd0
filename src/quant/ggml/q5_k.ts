import { f16ToF32 } from "../../tensor/convert.ts";
import { minK4, scaleK4 } from "./q4_k.ts";

/**
 * Q5_K: 256 weights in 176 bytes, w = (d · s) · n - (dmin · m) with n of 5 bits, and s, m of 6 bits for each 32 neighbours; rounded once.
 *
 *     byte 0      d, f16
 *     byte 2      dmin, f16
 *     byte 4+     s and m, 12 bytes, as in Q4_K
 *     byte 16+j   bit g is the fifth bit of n[32 g + j]                                    j = 0 … 31
 *     byte 48+    32 bytes for each 64 weights: byte j has the low bits of n[j] low, of n[j+32] high
 *
 * Source: block_q5_K and dequantize_row_q5_K in ggml.
 */
export function dequantizeQ5_K(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  const dmin = f16ToF32(src[from + 2] | (src[from + 3] << 8));
  for (let k = 0; k < 256; k++) {
    const g = k >> 5;
    out[at + k] = d * scaleK4(src, from + 4, g) * intQ5_K(src, from, k) - dmin * minK4(src, from + 4, g);
  }
}

/** n[k] of the block at byte `from`. */
export function intQ5_K(src: Uint8Array, from: number, k: number): number {
  const low = (src[from + 48 + (k >> 6) * 32 + (k & 31)] >> (k & 32 ? 4 : 0)) & 15;
  const high = (src[from + 16 + (k & 31)] >> (k >> 5)) & 1;
  return low | (high << 4);
}
