import { first4, last4, topHalves, times2To112 } from "./f16";
import { bytes02, bytes13, NIBBLE_16 } from "./int8-tile";
import { fourth, halfBytes, headBytes, isFlat, isSix, maskOf, Q2K, Q4X, Q6K, scaleBytes, TABLE } from "./k-formats";

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
  const mins = format != Q6K && format != Q4X;
  let head = w;
  for (let g = 0; g < groups; g++) {
    if (!isFlat(format) && (g & 7) == 0) {
      head = w;
      w += headBytes(format);
    }
    let scales = w;
    w += scaleBytes(format);
    for (let h: usize = 0; h < 2; h++) {
      if (isFlat(format)) {
        if (h == 0) {
          halves(to, v128.load(scales));
          halves(to + 32, v128.load(scales, 16));
          to += 64;
        }
      } else if (h == 0 || !mins || format == Q2K) {
        let s = mins ? v128.load_ext<u8>(scales) : v128.load_ext<i8>(scales);
        scales += 8;
        if (mins) {
          times(to + 32, format == Q2K ? i16x8.shr_u(s, 4) : v128.load_ext<u8>(scales), head + 32);
          if (format == Q2K) s = v128.and(s, v128.load(NIBBLE_16));
        }
        times(to, s, head);
        to += mins ? 64 : 32;
      }
      steps<D>(to, w, format);
      to += stepBytes<D>();
      w += halfBytes(format);
    }
  }
}

/** 8 f16 as float32. */
function halves(to: usize, h: v128): void {
  const top = topHalves(h);
  v128.store(to, times2To112(first4(h, top)));
  v128.store(to, times2To112(last4(h, top)), 16);
}

/** 8 i16 as float32, times those at `d`. */
function times(to: usize, s: v128, d: usize): void {
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(s)), v128.load(d)));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(s)), v128.load(d, 16)), 16);
}

/** The operands of 8 rows × 16 inputs: of rows 0-3, of rows 4-7, and 32 bytes from each the next. */
function steps<D>(to: usize, w: usize, format: i32): void {
  const mask = maskOf(isSix(format));
  for (const end = w + 32; w < end; w += 16, to += 16) {
    const v0 = v128.load(w);
    const v1 = v128.load(w, 32);
    if (isSix(format)) {
      const v2 = v128.load(w, 64);
      step<D>(to, 0, v128.and(v0, mask), 0);
      step<D>(to, 1, v128.and(v1, mask), 0);
      step<D>(to, 2, v128.and(v2, mask), 0);
      step<D>(to, 3, fourth(v0, v1, v2, mask), 0);
    } else {
      step<D>(to, 0, v128.and(v0, mask), format);
      step<D>(to, 1, v128.and(i16x8.shr_u(v0, 4), mask), format);
      step<D>(to, 2, v128.and(v1, mask), format);
      step<D>(to, 3, v128.and(i16x8.shr_u(v1, 4), mask), format);
    }
  }
}

// @ts-ignore: decorator
@inline
function step<D>(to: usize, c: usize, n: v128, format: i32): void {
  if (isSigned<D>()) {
    v128.store(to + 32 * c, n);
    return;
  }
  const table = format == Q4X;
  if (table) n = i8x16.swizzle(v128.load(TABLE), n);
  const more = i16x8.splat(table ? 32 : 0);
  v128.store(to + 64 * c, i16x8.add(bytes02(n), more));
  v128.store(to + 64 * c + 32, i16x8.add(bytes13(n), more));
}
