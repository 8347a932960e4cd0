import { f16ToF32 } from "../../tensor/convert.ts";
import { IQ4_VALUES } from "./iq4_nl.ts";

/**
 * IQ4_XS: 256 weights in 136 bytes, w = d · (s - 32) · value[n], and s of 6 bits for each 32 neighbours; exact in float32.
 *
 *     byte 0      d, f16
 *     byte 2      u16: bits 2g, 2g+1 are the high bits of s[g]                 g = 0 … 7
 *     byte 4+i    low 4 bits of s[2i] low, of s[2i+1] high                     i = 0 … 3
 *     byte 8+     16 bytes for each 32 weights: byte j has n[j] low, n[j+16] high
 *
 * Source: block_iq4_xs and dequantize_row_iq4_xs in ggml.
 */
export function dequantizeIQ4_XS(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  for (let k = 0; k < 256; k++) {
    out[at + k] = d * scaleIQ4_XS(src, from, k >> 5) * IQ4_VALUES[intIQ4_XS(src, from, k)];
  }
}

/** n[k] of the block at byte `from`. */
export function intIQ4_XS(src: Uint8Array, from: number, k: number): number {
  return (src[from + 8 + (k >> 5) * 16 + (k & 15)] >> (k & 16 ? 4 : 0)) & 15;
}

/** s[g] - 32 of the block at byte `from`. */
export function scaleIQ4_XS(src: Uint8Array, from: number, g: number): number {
  const low = (src[from + 4 + (g >> 1)] >> (g & 1 ? 4 : 0)) & 15;
  const high = (src[from + 2 + (g >> 2)] >> ((g & 3) * 2)) & 3;
  return (low | (high << 4)) - 32;
}
