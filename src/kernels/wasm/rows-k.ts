import { f16ToF32 } from "./f16";
import { halfBytes, headBytes, isFlat, isSix, kBytes, Q2K, Q4K, Q4X, Q5K, Q6K, scaleBytes, TABLE } from "./k-formats";

// Rows of K-formats as float32, a group of 32 inputs of one row at a time: w = ds · n - dm; only the subtraction rounds. One function reads all
// formats, since float32 activations are not what they are made for.

/** Tokens that share a group. */
const TOKENS: i32 = 64;

/** out f32 [C] = row `row` of W. */
export function unpackK(out: usize, w: usize, format: i32, row: i32, C: i32): void {
  const rows = w + <usize>(row >> 3) * kBytes(format, C >> 5);
  for (let g = 0; g < C >> 5; g++, out += 128) group(out, rows, format, row & 7, g);
}

/**
 * out f32 [T, N] = x · Wᵀ, x f32 [T, C], W in a K-format [N, C]; of out the rows of W's blocks begin … end - 1. The sums are those of f32 weights
 * (linear-f32.ts): a lane is an input mod 4.
 * @param scratch 128 + 16 TOKENS bytes: a group, and the sums of tokens
 */
export function linearF32K(
  out: usize, x: usize, w: usize, format: i32, T: i32, N: i32, C: i32, scratch: usize, begin: i32, end: i32,
): void {
  const G = C >> 5;
  const sums = scratch + 128;
  for (let n = begin << 3; n < min(N, end << 3); n++) {
    const rows = w + <usize>(n >> 3) * kBytes(format, G);
    for (let first = 0; first < T; first += TOKENS) {
      const some = min(TOKENS, T - first);
      for (let t = 0; t < some; t++) v128.store(sums + (<usize>t << 4), f32x4.splat(0));
      for (let g = 0; g < G; g++) {
        group(scratch, rows, format, n & 7, g);
        let from = x + (<usize>(first * C + (g << 5)) << 2);
        for (let t = 0; t < some; t++, from += <usize>C << 2) {
          let p = f32x4.splat(0);
          for (let k: usize = 0; k < 128; k += 16) p = f32x4.add(p, f32x4.mul(v128.load(from + k), v128.load(scratch + k)));
          const acc = sums + (<usize>t << 4);
          v128.store(acc, f32x4.add(v128.load(acc), p));
        }
      }
      for (let t = 0; t < some; t++) {
        const acc = v128.load(sums + (<usize>t << 4));
        const low = f32x4.extract_lane(acc, 0) + f32x4.extract_lane(acc, 1);
        const high = f32x4.extract_lane(acc, 2) + f32x4.extract_lane(acc, 3);
        store<f32>(out + (<usize>((first + t) * N + n) << 2), low + high);
      }
    }
  }
}

/** out f32 [32] = group g of row r of the 8 at w. */
function group(out: usize, w: usize, format: i32, r: usize, g: i32): void {
  const head = w + kBytes(format, g & ~7);
  const scales = head + headBytes(format) + <usize>(g & 7) * (scaleBytes(format) + 2 * halfBytes(format));
  let place = scales + scaleBytes(format) + (r << 2); // rows 0-3 and rows 4-7 are neighbouring vectors
  for (let h: usize = 0; h < 2; h++, place += halfBytes(format)) {
    let ds: v128;
    let dm = f32x4.splat(0);
    if (isFlat(format)) {
      ds = f16ToF32(i32x4.splat(load<i16>(scales + 2 * r)));
      dm = f16ToF32(i32x4.splat(load<i16>(scales + 16 + 2 * r)));
    } else {
      const d = load<f32>(head + (r << 2));
      const byte = scales + r + (format == Q4K || format == Q5K ? 0 : h << 3);
      if (format == Q6K || format == Q4X) ds = f32x4.splat(d * <f32>load<i8>(byte));
      else {
        const dmin = load<f32>(head + 32 + (r << 2));
        const s: i32 = load<u8>(byte);
        ds = f32x4.splat(d * <f32>(format == Q2K ? s & 15 : s));
        dm = f32x4.splat(dmin * <f32>(format == Q2K ? s >> 4 : <i32>load<u8>(byte, 8)));
      }
    }
    for (let c = 0; c < 4; c++, out += 16) {
      let n: v128;
      if (!isSix(format)) n = v128.and(i16x8.shr_u(v128.load32_zero(place + (<usize>(c >> 1) << 5)), (c & 1) << 2), i8x16.splat(15));
      else if (c < 3) n = v128.and(v128.load32_zero(place + (<usize>c << 5)), i8x16.splat(63));
      else n = v128.or(v128.or(above(place, 2), above(place + 32, 4)), above(place + 64, 6));
      if (format == Q4X) n = i8x16.swizzle(v128.load(TABLE), n);
      let wide = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(n));
      if (format == Q6K) wide = i32x4.sub(wide, i32x4.splat(32));
      v128.store(out, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(wide), ds), dm));
    }
  }
}

/** The two bits above 6, in bytes, moved down by `shift`. */
// @ts-ignore: decorator
@inline
function above(ptr: usize, shift: i32): v128 {
  return i16x8.shr_u(v128.and(v128.load32_zero(ptr), i8x16.splat(-64)), shift);
}
