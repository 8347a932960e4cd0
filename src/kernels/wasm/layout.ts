// The packed layouts as the kernels see them; drawn in src/quant/q4.ts, q4z.ts and q8.ts. A format is a number at the border to JavaScript and a
// type parameter inside, so that each kernel is compiled once for each format without a branch in its loops:
// u8 stands for q4 (unsigned nibbles), u16 for q4z (the same, and zero points), i8 for q8, wider types for the K-formats (k-formats.ts).

export const F32: i32 = 0;
export const Q8: i32 = 1;
export const Q4: i32 = 2;
export const Q4Z: i32 = 3;

/** Whether it is q4z. */
// @ts-ignore: decorator
@inline
export function hasZeros<W>(): bool {
  return sizeof<W>() == 2;
}

/** Bytes of a block of 8 rows × 32 inputs: 8 f16 scales, then the weights; of q4z zero points before them. */
// @ts-ignore: decorator
@inline
export function blockBytes<W>(): usize {
  return isSigned<W>() ? 272 : hasZeros<W>() ? 152 : 144;
}

/** Where in a block its scales are. Of q4z, zero points are before them. */
// @ts-ignore: decorator
@inline
export function scalesAt<W>(): usize {
  return hasZeros<W>() ? 8 : 0;
}

/** Bytes of the weights of a block. */
// @ts-ignore: decorator
@inline
export function weightBytes<W>(): usize {
  return isSigned<W>() ? 256 : 128;
}

/** Bytes of 8 rows × G groups. */
// @ts-ignore: decorator
@inline
export function rowGroupBytes<W>(G: i32): usize {
  return <usize>G * blockBytes<W>();
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
