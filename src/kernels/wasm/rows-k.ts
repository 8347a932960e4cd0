import { groupBytes, headBytes, isNibbles, Q4K, Q5K, rowGroupBytes } from "./k-formats";

/**
 * Rows of a K-format as float32, one at a time: four neighbours along C are a vector. w = (d · s) · n - (dmin · m); only the subtraction rounds.
 */

/** out f32 [C] = row `row` of W. */
export function unpackK(out: usize, w: usize, format: i32, row: i32, C: i32): void {
  if (format == Q4K) unpack<u8>(out, w, row, C);
  else if (format == Q5K) unpack<u16>(out, w, row, C);
  else unpack<i8>(out, w, row, C);
}

function unpack<W>(out: usize, w: usize, row: i32, C: i32): void {
  const G = C >> 5;
  w += <usize>(row >> 3) * rowGroupBytes<W>(G);
  for (let g = 0; g < G; g++) {
    for (let k = 0; k < 32; k += 4, out += 16) v128.store(out, weights<W>(w, row & 7, g, k));
  }
}

/**
 * out f32 [T, N] = x · Wᵀ, x f32 [T, C], W in a K-format [N, C]; of out the rows of W's blocks begin … end - 1. The sums are those of f32 weights
 * (linear-f32.ts): a lane is an input mod 4.
 */
export function linearF32K(
  out: usize, x: usize, w: usize, format: i32, T: i32, N: i32, C: i32, begin: i32, end: i32,
): void {
  if (format == Q4K) linear<u8>(out, x, w, T, N, C, begin, end);
  else if (format == Q5K) linear<u16>(out, x, w, T, N, C, begin, end);
  else linear<i8>(out, x, w, T, N, C, begin, end);
}

function linear<W>(out: usize, x: usize, w: usize, T: i32, N: i32, C: i32, begin: i32, end: i32): void {
  const G = C >> 5;
  for (let n = begin << 3; n < min(N, end << 3); n++) {
    const block = w + <usize>(n >> 3) * rowGroupBytes<W>(G);
    for (let t = 0; t < T; t++) {
      let from = x + (<usize>(t * C) << 2);
      let acc = f32x4.splat(0);
      for (let g = 0; g < G; g++) {
        let p = f32x4.splat(0);
        for (let k = 0; k < 32; k += 4, from += 16) p = f32x4.add(p, f32x4.mul(v128.load(from), weights<W>(block, n & 7, g, k)));
        acc = f32x4.add(acc, p);
      }
      const low = f32x4.extract_lane(acc, 0) + f32x4.extract_lane(acc, 1);
      store<f32>(out + (<usize>(t * N + n) << 2), low + (f32x4.extract_lane(acc, 2) + f32x4.extract_lane(acc, 3)));
    }
  }
}

/** The inputs k … k+3 of group g of row r of the row group at w. */
// @ts-ignore: decorator
@inline
function weights<W>(w: usize, r: usize, g: i32, k: usize): v128 {
  const head = w + <usize>(g >> 3) * (headBytes<W>() + 8 * groupBytes<W>());
  const group = head + headBytes<W>() + <usize>(g & 7) * groupBytes<W>();
  const d = load<f32>(head + (r << 2));
  const place = group + 16 + ((r >> 2) << 4) + ((r & 3) << 2);
  if (isNibbles<W>()) {
    const v = v128.load32_zero(place + ((k >> 3) << 5));
    const n = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.and(i16x8.shr_u(v, <i32>(k & 4)), i8x16.splat(15))));
    return less(f32x4.mul(f32x4.convert_i32x4_s(n), f32x4.splat(d * <f32>load<u8>(group + r))), head, group, r);
  }
  const n = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(place + ((k >> 2) << 5))));
  if (isSigned<W>()) {
    const s = load<i8>(group + r + (k < 16 ? 0 : 8));
    return f32x4.mul(f32x4.convert_i32x4_s(n), f32x4.splat(d * <f32>s));
  }
  return less(f32x4.mul(f32x4.convert_i32x4_s(n), f32x4.splat(d * <f32>load<u8>(group + r))), head, group, r);
}

/** v - dmin · m */
// @ts-ignore: decorator
@inline
function less(v: v128, head: usize, group: usize, r: usize): v128 {
  return f32x4.sub(v, f32x4.splat(load<f32>(head + 32 + (r << 2)) * <f32>load<u8>(group + 8 + r)));
}
