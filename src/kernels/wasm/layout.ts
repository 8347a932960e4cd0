// The packed layouts as the kernels see them; drawn in src/quant/q4.ts and q8.ts. A format is a number at the border to JavaScript and a
// type parameter inside, so that each kernel is compiled once for each format without a branch in its loops:
// u8 stands for q4 (unsigned nibbles), i8 for q8.

export const F32: i32 = 0;
export const Q8: i32 = 1;
export const Q4: i32 = 2;

/** Bytes of a block of 8 rows × 32 inputs: 8 f16 scales, then the weights. */
// @ts-ignore: decorator
@inline
export function blockBytes<W>(): usize {
  return isSigned<W>() ? 272 : 144;
}

/** Bytes of 8 rows × 8 inputs in a block. */
// @ts-ignore: decorator
@inline
export function chunkBytes<W>(): usize {
  return isSigned<W>() ? 64 : 32;
}

/** Groups of 32 inputs in a row. */
// @ts-ignore: decorator
@inline
export function groupsOf(C: i32): i32 {
  return (C + 31) >> 5;
}

/** Tokens of a KV block. */
export const KV_BLOCK: i32 = 32;

/** Bytes of a row of int8 keys, and rows of int8 values: head dims rounded up to a multiple of 8. */
// @ts-ignore: decorator
@inline
export function paddedHead(dh: i32): i32 {
  return (dh + 7) & ~7;
}
