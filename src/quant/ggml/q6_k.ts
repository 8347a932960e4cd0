import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q6_K: 256 weights in 210 bytes, w = d · s · (n - 32) with n of 6 bits, and s an int8 for each 16 neighbours; exact in float32.
 *
 *     byte 0+     64 bytes for each 128 weights: byte j has the low 4 bits of n[j] low, of n[j+64] high        j = 0 … 63
 *     byte 128+   32 bytes for each 128 weights: byte j has the high 2 bits of n[j], n[j+32], n[j+64], n[j+96], from the lowest on
 *     byte 192+g  s[g], int8                                                                                   g = 0 … 15
 *     byte 208    d, f16
 *
 * Source: block_q6_K and dequantize_row_q6_K in ggml.
 */
export function dequantizeQ6_K(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from + 208] | (src[from + 209] << 8));
  for (let k = 0; k < 256; k++) {
    const s = (src[from + 192 + (k >> 4)] << 24) >> 24;
    out[at + k] = d * s * (intQ6_K(src, from, k) - 32);
  }
}

/** n[k] of the block at byte `from`. */
export function intQ6_K(src: Uint8Array, from: number, k: number): number {
  const half = k >> 7;
  const low = (src[from + half * 64 + (k & 63)] >> (k & 64 ? 4 : 0)) & 15;
  const high = (src[from + 128 + half * 32 + (k & 31)] >> (((k >> 5) & 3) * 2)) & 3;
  return low | (high << 4);
}
