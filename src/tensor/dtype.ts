/** Element types of tensors in memory. Files know more of them (see formats/safetensors); those are converted on the way in. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "i16" | "i8" | "u8";

/** Bytes of one element. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i32: 4, i16: 2, i8: 1, u8: 1 };

/** The view that JavaScript has for the type; f16 and bf16 are seen as their bits. */
export type TypedArray = Float32Array | Uint16Array | Int32Array | Int16Array | Int8Array | Uint8Array;

const VIEWS = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u8: Uint8Array,
} as const;

/** A typed view of `length` elements of `dtype` at byte `ptr` of `buffer`. */
export function viewOf(dtype: DType, buffer: ArrayBufferLike, ptr: number, length: number): TypedArray {
  return new VIEWS[dtype](buffer as ArrayBuffer, ptr, length);
}
