import { f16ToF32 } from "../../tensor/convert.ts";

/** The 16 values of IQ4_NL and IQ4_XS, which lie denser about zero. Source: kvalues_iq4nl in ggml-common.h. */
export const IQ4_VALUES = new Int8Array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]);

/**
 * IQ4_NL: 32 weights in 18 bytes, w = value[n] · d, exact in float32.
 *
 *     byte 0    d, f16
 *     byte 2+j  n[j] low, n[j+16] high        j = 0 … 15
 *
 * Source: block_iq4_nl and dequantize_row_iq4_nl in ggml.
 */
export function dequantizeIQ4_NL(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  const d = f16ToF32(src[from] | (src[from + 1] << 8));
  for (let j = 0; j < 16; j++) {
    const byte = src[from + 2 + j];
    out[at + j] = d * IQ4_VALUES[byte & 15];
    out[at + j + 16] = d * IQ4_VALUES[byte >> 4];
  }
}
