import { bf16ToF32, f16ToF32 } from "../../tensor/convert.ts";

/** F32, F16 and BF16: blocks of one number, little endian. */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

export function dequantizeF32(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  word[0] = src[from] | (src[from + 1] << 8) | (src[from + 2] << 16) | (src[from + 3] << 24);
  out[at] = float[0];
}

export function dequantizeF16(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  out[at] = f16ToF32(src[from] | (src[from + 1] << 8));
}

export function dequantizeBF16(out: Float32Array, at: number, src: Uint8Array, from: number): void {
  out[at] = bf16ToF32(src[from] | (src[from + 1] << 8));
}
