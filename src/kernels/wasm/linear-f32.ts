import { f16x4ToF32x4 } from "./f16";
import { blockBytes, chunkBytes, F32, groupsOf, hasZeros, Q4, Q4Z, rowGroupBytes, scalesAt } from "./layout";
import { linearPlain } from "./linear-plain";
import { linearF32K } from "./rows-k";
import { storeF32 } from "./vectors";

/** i32 × 4: the bits of a nibble, and its offset; in memory for the reason given in f16.ts (in Node 24 nearly twice the speed). */
const NIBBLE = memory.data<i32>([15, 15, 15, 15], 16);
const EIGHT = memory.data<i32>([8, 8, 8, 8], 16);

/**
 * out f32 [T, N] = x · Wᵀ, x f32 [T, C], W f32, q4, q4z, q8 or a K-format (rows-k.ts) [N, C].
 *
 * Each (row, token) has four sums, j = input mod 4. Of f32 weights they are the lanes of a vector (linear-plain.ts). Of q4, q4z and q8 a lane is an output
 * row, the four sums are four vectors, and a tile is 4 rows × 1 token.
 *
 *     w    | row 0 | row 1 | row 2 | row 3 |  p_j   | row 0 | row 1 | row 2 | row 3 |     of the inputs k+j
 *
 * Of out the rows of blocks begin … end - 1, of 8 rows each, whose bits do not depend on how the blocks are cut into calls.
 * Neither x nor f32 weights are read past C. Rows past N are computed (from padding, or from row N-1 again) and not stored.
 * Alignment: f32 weights and x 4 bytes, the other weights 16.
 * @param scratch what linearF32K takes (rows-k.ts)
 */
export function linearF32(
  out: usize, x: usize, w: usize, format: i32, T: i32, N: i32, C: i32, scratch: usize, begin: i32, end: i32,
): void {
  if (format == F32) linearPlain(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else if (format > Q4Z) linearF32K(out, x, w, format, T, N, C, scratch, begin, end);
  else if (format == Q4) linearPacked<u8>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else if (format == Q4Z) linearPacked<u16>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else linearPacked<i8>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
}

function linearPacked<W>(out: usize, x: usize, w: usize, T: i32, N: i32, C: i32, from: i32, to: i32): void {
  w += <usize>(from >> 3) * rowGroupBytes<W>(groupsOf(C));
  for (let n = from; n < to; n += 8) {
    for (let t = 0; t < T; t++) {
      const to = out + (<usize>(t * N + n) << 2);
      const from = x + (<usize>(t * C) << 2);
      storeF32(to, tilePacked<W>(from, w, 0, C), N - n);
      if (N - n > 4) storeF32(to + 16, tilePacked<W>(from, w, 1, C), N - n - 4);
    }
    w += rowGroupBytes<W>(groupsOf(C));
  }
}

/** 4 rows (`half` 0: the first of their 8, 1: the others) × 1 token. */
function tilePacked<W>(x: usize, w: usize, half: usize, C: i32): v128 {
  let acc0 = f32x4.splat(0);
  let acc1 = f32x4.splat(0);
  let acc2 = f32x4.splat(0);
  let acc3 = f32x4.splat(0);
  let zeros = w + (half << 2);
  w += scalesAt<W>();
  let scales = w + (half << 3);
  w += 16 + (half << 4);
  for (let left = C; left > 0; left -= 32) {
    const s = f16x4ToF32x4(scales);
    const z = zerosOf<W>(zeros);
    if (left >= 32) {
      let p0 = f32x4.splat(0);
      let p1 = f32x4.splat(0);
      let p2 = f32x4.splat(0);
      let p3 = f32x4.splat(0);
      let chunk = w;
      for (const end = x + 128; x < end; x += 32) {
        p0 = addProduct(addProduct(p0, x, weight<W>(chunk, 0, z), s), x + 16, weight<W>(chunk, 4, z), s);
        p1 = addProduct(addProduct(p1, x + 4, weight<W>(chunk, 1, z), s), x + 20, weight<W>(chunk, 5, z), s);
        p2 = addProduct(addProduct(p2, x + 8, weight<W>(chunk, 2, z), s), x + 24, weight<W>(chunk, 6, z), s);
        p3 = addProduct(addProduct(p3, x + 12, weight<W>(chunk, 3, z), s), x + 28, weight<W>(chunk, 7, z), s);
        chunk += chunkBytes<W>();
      }
      acc0 = f32x4.add(acc0, p0);
      acc1 = f32x4.add(acc1, p1);
      acc2 = f32x4.add(acc2, p2);
      acc3 = f32x4.add(acc3, p3);
    } else {
      acc0 = f32x4.add(acc0, tail<W>(x, w, s, z, 0, left));
      acc1 = f32x4.add(acc1, tail<W>(x, w, s, z, 1, left));
      acc2 = f32x4.add(acc2, tail<W>(x, w, s, z, 2, left));
      acc3 = f32x4.add(acc3, tail<W>(x, w, s, z, 3, left));
    }
    scales += blockBytes<W>();
    zeros += blockBytes<W>();
    w += blockBytes<W>();
  }
  return f32x4.add(f32x4.add(acc0, acc1), f32x4.add(acc2, acc3));
}

/** p_j of the last group, which has fewer than 32 inputs: j, j + 4, … below n. */
function tail<W>(x: usize, w: usize, s: v128, z: v128, j: i32, n: i32): v128 {
  let p = f32x4.splat(0);
  for (let k = j; k < n; k += 4) {
    const chunk = w + <usize>(k >> 3) * chunkBytes<W>();
    p = addProduct(p, x + (<usize>k << 2), weight<W>(chunk, k & 7, z), s);
  }
  return p;
}

/** The zero points of 4 rows of q4z as i32. */
// @ts-ignore: decorator
@inline
function zerosOf<W>(zeros: usize): v128 {
  if (!hasZeros<W>()) return i32x4.splat(0);
  const z = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(zeros)));
  return i32x4.add(z, v128.load(EIGHT));
}

/** Input k (0 … 7) of 4 rows, less zero point z and without their scale, as float32. */
// @ts-ignore: decorator
@inline
function weight<W>(chunk: usize, k: i32, z: v128): v128 {
  if (isSigned<W>()) {
    const v = v128.load(chunk + (<usize>(k & 4) << 3));
    return f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(v, 24 - ((k & 3) << 3)), 24));
  }
  const n = v128.and(i32x4.shr_u(v128.load(chunk), ((k & 3) << 3) + (k & 4)), v128.load(NIBBLE));
  return f32x4.convert_i32x4_s(i32x4.sub(n, hasZeros<W>() ? z : v128.load(EIGHT)));
}

/** p + x · (w · s); w · s is exact. */
// @ts-ignore: decorator
@inline
function addProduct(p: v128, x: usize, w: v128, s: v128): v128 {
  return f32x4.add(p, f32x4.mul(v128.load32_splat(x), f32x4.mul(w, s)));
}
