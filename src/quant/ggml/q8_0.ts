import { f16ToF32 } from "../../tensor/convert.ts";

/**
 * Q8_0: 32 weights in 34 bytes, w = q · d, exact in float32.
 *
 *     byte 0    d, f16
 *     byte 2+k  q[k], int8        k = 0 … 31
 *
 * Source: block_q8_0 and dequantize_row_q8_0 in ggml.
 */
export function dequantizeQ8_0(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  for (let k = 0; k < 32; k++) out[at + k] = d * ((src[from + 2 + k] << 24) >> 24);
}
