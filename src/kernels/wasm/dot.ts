// How int8 products are summed, in three forms that give the same integers. A form is a number at the border to JavaScript and a type
// parameter D inside, as weights' formats are (layout.ts). An i32 lane is an output row; activations are splat to all lanes.
//
//     D     name    weights    activations   one instruction gives, and adds up in
//     u16   PAIRS   i16 × 8    i16 pairs     i32x4.dot_i16x8_s: 2 products to a row; i32. The only form without relaxed SIMD.
//     i16   NARROW  nibbles    4 × i8        i16x8.relaxed_dot_i8x16_i7x16_s: 2 × 2 products to a row; i16, whose halves are joined
//                                            after 32 inputs: |nibble - 8| · 127 · 16 < 2^15
//     i64   NARROW  6 bits     4 × i8        the same, whose halves are joined after 8 inputs: 63 · 127 · 4 < 2^15
//     i32   WIDE    6 bits     4 × i8        i32x4.relaxed_dot_i8x16_i7x16_add_s: 4 products to a row; i32. One instruction where the
//                                            processor has one for it (AVX-VNNI, ARM's dot product), and slower than NARROW elsewhere.
//
// The relaxed instructions are exact here, whatever the processor: nibbles are at most 63, within 7 bits, and no sum of two products passes i16.

export const PAIRS: i32 = 0;
export const NARROW: i32 = 1;
export const WIDE: i32 = 2;

/** i16 × 8: one. dot_i16x8_s with it joins the halves of each i32 lane. */
export const ONES = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);

/** i32 × 4: one. dot_i16x8_s with it keeps the lower half of each lane, with its sign. */
const LOW_ONES = memory.data<i32>([1, 1, 1, 1], 16);

/** sums + weights · activations */
// @ts-ignore: decorator
@inline
export function dotAdd<D>(sums: v128, w: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (isSigned<D>()) {
      if (sizeof<D>() == 4) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sums);
      return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w));
    }
  }
  return i32x4.add(sums, i32x4.dot_i16x8_s(w, x));
}

/** sums + w0 · x0 + w1 · x1 */
// @ts-ignore: decorator
@inline
export function dotAdd2<D>(sums: v128, w0: v128, x0: v128, w1: v128, x1: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (isSigned<D>() && sizeof<D>() == 8) {
      const both = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(x0, w0), i16x8.relaxed_dot_i8x16_i7x16_s(x1, w1));
      return i32x4.add(sums, join(both));
    }
  }
  return dotAdd<D>(dotAdd<D>(sums, w0, x0), w1, x1);
}

/** The sums' start values, for all rows: the offset of q4's nibbles, whose two halves lie at `offset` (kernels.ts, Int8Rows). */
// @ts-ignore: decorator
@inline
export function startAt<D>(offset: usize): v128 {
  const halves = v128.load32_splat(offset);
  if (isSigned<D>() && sizeof<D>() == 2) return halves;
  return join(halves);
}

/** The sums as i32. */
// @ts-ignore: decorator
@inline
export function finish<D>(sums: v128): v128 {
  return isSigned<D>() && sizeof<D>() == 2 ? join(sums) : sums;
}

/** The lower 16 bits of sums as i32, with their sign. */
// @ts-ignore: decorator
@inline
export function low16(sums: v128): v128 {
  return i32x4.dot_i16x8_s(sums, v128.load(LOW_ONES));
}

/** The halves of each i32 lane, added. */
// @ts-ignore: decorator
@inline
export function join(halves: v128): v128 {
  return i32x4.dot_i16x8_s(halves, v128.load(ONES));
}

/**
 * Which form is the faster one here. Asked for activations and weights outside of its definition, where the specification leaves the result
 * to the engine, WIDE shows what it is made of: 4 · 127 · 255 if products of u8 and i8 are summed in i32 at once, -4 · 127 if those of
 * i8 and i8 are, and less than the former if it is put together from instructions that saturate at i16.
 */
export function fastestForm(): i32 {
  const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(127), i8x16.splat(-1), i32x4.splat(1000));
  const sum = i32x4.extract_lane(sums, 0) - 1000;
  return sum == 4 * 127 * 255 || sum == -4 * 127 ? WIDE : NARROW;
}
