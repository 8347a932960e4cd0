/** Element types of the format (little-endian), and bytes of one element. BF16 is the upper half of a float32; F8 is two kinds of 8-bit float. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** An element type as the format names it. */
export type SafetensorsDType = keyof typeof DTYPE_BYTES;

/** In the order of the `Dtype` enum of Hugging Face's crate; files list tensors by it, last first, so that each is aligned to its element. */
export const DTYPES = Object.keys(DTYPE_BYTES) as SafetensorsDType[];

/** Axes of one tensor, at most: what numpy and torch take. */
export const MAX_RANK = 64;
