import { first4, last4, times2To112, topHalves } from "./f16";
import { bytes02, bytes13, NIBBLE_16, NIBBLES } from "./int8-tile";
import { fourth, halfBytes, headBytes, isFlat, isSix, maskOf, Q2K, Q4K, Q4X, Q5K, Q6K, scaleBytes, SIX_16, TABLE } from "./k-formats";

/** Bytes of the steps of 16 inputs. */
// @ts-ignore: decorator
@inline
function stepBytes<D>(): usize {
  return isSigned<D>() ? 128 : 256;
}

/** Bytes of an unpacked group of 32 inputs. */
// @ts-ignore: decorator
@inline
export function unpackedBytes<D>(format: i32): usize {
  return 2 * stepBytes<D>() + (format == Q2K ? 128 : 64); // q6k and q4x: 32 for each 16 inputs
}

/**
 * `groups` groups of 8 rows, from w where a block begins, to operands of the dot product: 16 or 32 inputs, as the format has scales for them, are
 *
 *     f32 ds of rows 0-3 | of rows 4-7 | dm of rows 0-3 | of rows 4-7 (where there are minima) | for each step: an operand of rows 0-3 | of rows 4-7
 *
 * and a step is 4 inputs, or 2 in the form PAIRS.
 */
export function unpack<D>(to: usize, w: usize, format: i32, groups: i32): void {
  const six = isSix(format);
  const step = halfBytes(format);
  let head = w;
  for (let g = 0; g < groups; g++) {
    if (!isFlat(format) && (g & 7) == 0) {
      head = w;
      w += headBytes(format);
    }
    const scales = w;
    w += scaleBytes(format);
    if (isFlat(format)) {
      halves(to, v128.load(scales));
      halves(to + 32, v128.load(scales, 16));
      to += 64;
    } else if (format == Q4K || format == Q5K) {
      times(to, v128.load_ext<u8>(scales), head);
      times(to + 32, v128.load_ext<u8>(scales, 8), head + 32);
      to += 64;
    }
    for (let h: usize = 0; h < 16; h += 8) {
      if (format == Q2K) {
        const s = v128.load_ext<u8>(scales + h);
        times(to, v128.and(s, v128.load(NIBBLE_16)), head);
        times(to + 32, i16x8.shr_u(s, 4), head + 32);
        to += 64;
      } else if (format == Q6K || format == Q4X) {
        times(to, v128.load_ext<i8>(scales + h), head);
        to += 32;
      }
      if (six) sixes<D>(to, w);
      else nibbles<D>(to, w, format);
      to += stepBytes<D>();
      w += step;
    }
  }
}

// Rows 0-3 and rows 4-7 are neighbouring vectors throughout, so that V8 can make one of two; of two stores the upper one is first, which spares it one.

/** 8 f16 as float32. */
// @ts-ignore: decorator
@inline
function halves(to: usize, h: v128): void {
  const top = topHalves(h);
  v128.store(to, times2To112(last4(h, top)), 16);
  v128.store(to, times2To112(first4(h, top)));
}

/** 8 i16 as float32, times those at `d`. */
// @ts-ignore: decorator
@inline
function times(to: usize, s: v128, d: usize): void {
  const lo = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(s)), v128.load(d));
  const hi = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(s)), v128.load(d, 16));
  v128.store(to, hi, 16);
  v128.store(to, lo);
}

/** The operands of 8 rows × 16 inputs, n of 6 bits. */
function sixes<D>(to: usize, w: usize): void {
  const mask = maskOf(true);
  const v0 = v128.load(w);
  const u0 = v128.load(w, 16);
  const v1 = v128.load(w, 32);
  const u1 = v128.load(w, 48);
  const v2 = v128.load(w, 64);
  const u2 = v128.load(w, 80);
  step<D>(to, v128.and(v0, mask), v128.and(u0, mask));
  step<D>(to + (stepBytes<D>() >> 2), v128.and(v1, mask), v128.and(u1, mask));
  step<D>(to + (stepBytes<D>() >> 1), v128.and(v2, mask), v128.and(u2, mask));
  step<D>(to + 3 * (stepBytes<D>() >> 2), fourth(v0, v1, v2, mask), fourth(u0, u1, u2, mask));
}

/** The same, n of 4 bits; of q4x what they stand for. */
function nibbles<D>(to: usize, w: usize, format: i32): void {
  for (const end = w + 64; w < end; w += 32, to += stepBytes<D>() >> 1) {
    const mask = v128.load(NIBBLES);
    const lo = v128.load(w);
    const hi = v128.load(w, 16);
    const next = to + (stepBytes<D>() >> 2);
    if (!isSigned<D>() && format == Q4X) {
      const table = v128.load(TABLE);
      signed(to, i8x16.swizzle(table, v128.and(lo, mask)), i8x16.swizzle(table, v128.and(hi, mask)));
      signed(next, i8x16.swizzle(table, v128.and(i16x8.shr_u(lo, 4), mask)), i8x16.swizzle(table, v128.and(i16x8.shr_u(hi, 4), mask)));
    } else {
      step<D>(to, v128.and(lo, mask), v128.and(hi, mask));
      step<D>(next, v128.and(i16x8.shr_u(lo, 4), mask), v128.and(i16x8.shr_u(hi, 4), mask));
    }
  }
}

/** 4 inputs, n of rows 0-3 and of rows 4-7. */
// @ts-ignore: decorator
@inline
function step<D>(to: usize, lo: v128, hi: v128): void {
  if (isSigned<D>()) {
    v128.store(to, hi, 16);
    v128.store(to, lo);
    return;
  }
  const even = v128.load(SIX_16);
  v128.store(to, v128.and(hi, even), 16);
  v128.store(to, v128.and(lo, even));
  v128.store(to, i16x8.shr_u(hi, 8), 48);
  v128.store(to, i16x8.shr_u(lo, 8), 32);
}

/** The same of int8, plus 32. */
// @ts-ignore: decorator
@inline
function signed(to: usize, lo: v128, hi: v128): void {
  const more = i16x8.splat(32);
  v128.store(to, i16x8.add(bytes02(hi), more), 16);
  v128.store(to, i16x8.add(bytes02(lo), more));
  v128.store(to, i16x8.add(bytes13(hi), more), 48);
  v128.store(to, i16x8.add(bytes13(lo), more), 32);
}
