import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q4_0: 32 weights in 18 bytes, w = (n - 8) · d, exact in float32.
 *
 *     byte 0    d, f16
 *     byte 2+j  n[j] low, n[j+16] high        j = 0 … 15
 *
 * Source: block_q4_0 and dequantize_row_q4_0 in ggml.
 */
export function dequantizeQ4_0(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  for (let j = 0; j < 16; j++) {
    const byte = src[from + 2 + j];
    out[at + j] = d * ((byte & 15) - 8);
    out[at + j + 16] = d * ((byte >> 4) - 8);
  }
}
