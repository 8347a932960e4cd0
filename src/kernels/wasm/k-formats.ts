// The K-formats as the kernels see them; drawn in src/quant/k-formats.ts. Inside kernels a format is a type parameter W:
// u8 stands for q4k, u16 for q5k, i8 for q6k.

export const Q4K: i32 = 4;
export const Q5K: i32 = 5;
export const Q6K: i32 = 6;

/** Bytes of the first scales of 8 rows × 256 inputs. */
// @ts-ignore: decorator
@inline
export function headBytes<W>(): usize {
  return isSigned<W>() ? 32 : 64;
}

/** Bytes of a group of 8 rows × 32 inputs: 16 of scales, then the weights. */
// @ts-ignore: decorator
@inline
export function groupBytes<W>(): usize {
  return isNibbles<W>() ? 144 : 272;
}

/** Bytes of a row group of G groups of inputs, G a multiple of 8. */
// @ts-ignore: decorator
@inline
export function rowGroupBytes<W>(G: i32): usize {
  return <usize>(G >> 3) * (headBytes<W>() + 8 * groupBytes<W>());
}

// @ts-ignore: decorator
@inline
export function isNibbles<W>(): bool {
  return !isSigned<W>() && sizeof<W>() == 1;
}
