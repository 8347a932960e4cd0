import { type DType, f16ToF32, toF32, viewOf } from "../../tensor/index.ts";
import { DTYPE_BYTES, type SafetensorsDType } from "./dtype.ts";

/** The types that memory knows too. */
const SHARED: Partial<Record<SafetensorsDType, DType>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I32: "i32",
  I16: "i16",
  I8: "i8",
  U8: "u8",
};

/**
 * E4M3 as in "FP8 Formats for Deep Learning" (arXiv 2209.05433): 1 sign, 4 exponent (bias 7), 3 fraction bits, no infinity; 0x7f and 0xff are
 * NaN, the largest number is 448.
 */
function e4m3(bits: number): number {
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  const magnitude = exponent === 0 ? fraction / 512 : ((8 + fraction) * 2 ** exponent) / 1024;
  return bits & 0x80 ? -magnitude : magnitude;
}

/** The other types, one element at a time; E5M2 is the upper byte of an f16. */
const ELEMENT: Partial<Record<SafetensorsDType, (bytes: DataView, at: number) => number>> = {
  BOOL: (b, at) => (b.getUint8(at) ? 1 : 0),
  F8_E5M2: (b, at) => f16ToF32(b.getUint8(at) << 8),
  F8_E4M3: (b, at) => e4m3(b.getUint8(at)),
  U16: (b, at) => b.getUint16(at, true),
  U32: (b, at) => b.getUint32(at, true),
  F64: (b, at) => b.getFloat64(at, true),
  I64: (b, at) => Number(b.getBigInt64(at, true)),
  U64: (b, at) => Number(b.getBigUint64(at, true)),
};

/**
 * Elements of a file as float32. F16, BF16, F8, BOOL and integers up to 16 bits exactly; F32 as it is; I32, U32 and F64 to the nearest; I64 and
 * U64 by way of float64.
 * @param bytes whole elements, little-endian, at the start of a buffer or at a multiple of 8 bytes
 * @param out as many elements long
 */
export function bytesToFloat32(dtype: SafetensorsDType, bytes: Uint8Array, out: Float32Array<ArrayBuffer>): void {
  const shared = SHARED[dtype];
  if (shared) {
    toF32(shared, viewOf(shared, bytes.buffer, bytes.byteOffset, out.length), out);
    return;
  }
  const read = ELEMENT[dtype] as (bytes: DataView, at: number) => number;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const step = DTYPE_BYTES[dtype];
  for (let i = 0; i < out.length; i++) out[i] = read(view, i * step);
}
