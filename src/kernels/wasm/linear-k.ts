import { dotAdd, finish, PAIRS, startAt, WIDE } from "./dot";
import { bytes02, bytes13, NIBBLE_16, NIBBLES, storeRows } from "./int8-tile";
import { groupBytes, headBytes, isNibbles, Q4K, Q5K, rowGroupBytes } from "./k-formats";
import { storeF32 } from "./vectors";

/**
 * out f32 [T, N] = x · Wᵀ, x int8 rows, W in a K-format [N, 32 G]; of out the rows of W's blocks begin … end - 1, of 8 rows each.
 *
 * A lane is an output row. A tile is 4 rows × 4 tokens, or × 1 for the tokens that remain (kernels.ts, Int8Rows, says how they lie); both sum a
 * (row, token) in the order that reference/linear.ts writes down, so that no cut of tokens or rows changes the bits. Nibbles go through the
 * form's dot product, with their offset of 8, which is taken off again; bytes through pairs of i16 in every form.
 */
export function linearK(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
  form: i32, begin: i32, end: i32,
): void {
  if (format == Q4K) {
    if (form == PAIRS) linear<u8, u16>(out, q, pairs, scale, offset, w, T, N, G, begin, end);
    else linearKRelaxed(out, q, scale, offset, w, T, N, G, form, begin, end);
  } else if (format == Q5K) linear<u16, u16>(out, q, pairs, scale, offset, w, T, N, G, begin, end);
  else linear<i8, u16>(out, q, pairs, scale, offset, w, T, N, G, begin, end);
}

/** q4k in the forms that need relaxed SIMD. Exported for the reason that linearRelaxed is (linear-int8.ts). */
export function linearKRelaxed(
  out: usize, q: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32, form: i32, begin: i32, end: i32,
): void {
  if (form == WIDE) linear<u8, i32>(out, q, q, scale, offset, w, T, N, G, begin, end);
  else linear<u8, i16>(out, q, q, scale, offset, w, T, N, G, begin, end);
}

/** x4: the operand of tokens by fours, `q` or `pairs` as the form D reads them. */
function linear<W, D>(
  out: usize, q: usize, x4: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32, begin: i32, end: i32,
): void {
  const bytes = rowGroupBytes<W>(G);
  const quads = T & ~3;
  for (let block = begin; block < end; block++) {
    const at = w + <usize>block * bytes;
    const n = block << 3;
    for (let t = 0; t < quads; t += 4) {
      const group = <usize>(t * G);
      const to = out + (<usize>(t * N + n) << 2);
      const x = x4 + group * inputBytes<D>();
      tile4<W, D>(to, x, scale + (group << 2), offset + (group << 2), at, 0, N, N - n, G);
      if (N - n > 4) tile4<W, D>(to + 16, x, scale + (group << 2), offset + (group << 2), at, 1, N, N - n - 4, G);
    }
    for (let t = quads; t < T; t++) {
      const group = <usize>(t * G);
      const to = out + (<usize>(t * N + n) << 2);
      tile1<W, D>(to, q + (group << 5), scale + (group << 2), offset + (group << 2), at, N - n, G);
    }
  }
}

/** Bytes of one token's group in the operand of tokens by fours. */
// @ts-ignore: decorator
@inline
function inputBytes<D>(): usize {
  return isSigned<D>() ? 32 : 64;
}

/** 8 rows × 1 token, whose q lie at x. */
function tile1<W, D>(out: usize, x: usize, scale: usize, offset: usize, w: usize, rows: i32, G: i32): void {
  const nibbles = v128.load(NIBBLES);
  let acc0 = f32x4.splat(0); // rows 0-3
  let acc1 = f32x4.splat(0); // rows 4-7
  for (let left = G; left > 0; left -= 8) {
    const head = w;
    w += headBytes<W>();
    for (const stop = w + 8 * groupBytes<W>(); w < stop; scale += 4, offset += 4) {
      const scales = w;
      let sums0 = start<W, D>(offset);
      let sums1 = sums0;
      let half0 = sums0; // of the first 16 inputs
      let half1 = sums0;
      const next = w + groupBytes<W>();
      const middle = w + 128;
      for (; w < next - 16; w += 32, x += step<W>()) {
        const v0 = v128.load(w, 16);
        const v1 = v128.load(w, 32);
        if (isNibbles<W>() && isSigned<D>()) {
          const a = v128.load32_splat(x);
          const b = v128.load32_splat(x, 4);
          sums0 = dotAdd<D>(dotAdd<D>(sums0, v128.and(v0, nibbles), a), v128.and(i16x8.shr_u(v0, 4), nibbles), b);
          sums1 = dotAdd<D>(dotAdd<D>(sums1, v128.and(v1, nibbles), a), v128.and(i16x8.shr_u(v1, 4), nibbles), b);
        } else {
          const a = v128.load32_splat(x);
          const even = bytes02(a);
          const odd = bytes13(a);
          sums0 = dotAdd<u16>(dotAdd<u16>(sums0, evenOf<W>(v0), even), oddOf<W>(v0), odd);
          sums1 = dotAdd<u16>(dotAdd<u16>(sums1, evenOf<W>(v1), even), oddOf<W>(v1), odd);
          if (isNibbles<W>()) {
            const b = v128.load32_splat(x, 4);
            const highEven = bytes02(b);
            const highOdd = bytes13(b);
            sums0 = dotAdd<u16>(dotAdd<u16>(sums0, evenOf<W>(i16x8.shr_u(v0, 4)), highEven), i16x8.shr_u(v0, 12), highOdd);
            sums1 = dotAdd<u16>(dotAdd<u16>(sums1, evenOf<W>(i16x8.shr_u(v1, 4)), highEven), i16x8.shr_u(v1, 12), highOdd);
          } else if (isSigned<W>() && w + 32 == middle) {
            half0 = sums0;
            half1 = sums1;
            sums0 = i32x4.splat(0);
            sums1 = i32x4.splat(0);
          }
        }
      }
      w = next;
      const a = v128.load32_splat(scale);
      acc0 = f32x4.add(acc0, f32x4.mul(total<W, D>(sums0, half0, offset, scales, head, 0), a));
      acc1 = f32x4.add(acc1, f32x4.mul(total<W, D>(sums1, half1, offset, scales, head, 1), a));
    }
  }
  storeRows(out, acc0, acc1, rows);
}

/** 4 rows (`half` 0: the first of their 8, 1: the others) × 4 tokens, whose operand lies at x. */
function tile4<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, half: usize, N: i32, rows: i32, G: i32,
): void {
  const nibbles = v128.load(NIBBLES);
  let acc0 = f32x4.splat(0);
  let acc1 = f32x4.splat(0);
  let acc2 = f32x4.splat(0);
  let acc3 = f32x4.splat(0);
  const width = inputBytes<D>();
  for (let left = G; left > 0; left -= 8) {
    const head = w;
    w += headBytes<W>();
    for (const stop = w + 8 * groupBytes<W>(); w < stop; scale += 16, offset += 16) {
      const scales = w;
      let sums0 = start<W, D>(offset);
      let sums1 = start<W, D>(offset + 4);
      let sums2 = start<W, D>(offset + 8);
      let sums3 = start<W, D>(offset + 12);
      let first0 = sums0; // of the first 16 inputs
      let first1 = sums1;
      let first2 = sums2;
      let first3 = sums3;
      const next = w + groupBytes<W>();
      const middle = w + 128;
      for (; w < next - 16; w += 32) {
        const v = v128.load(w + 16 + (half << 4));
        if (isNibbles<W>() && isSigned<D>()) {
          const low = v128.and(v, nibbles);
          const high = v128.and(i16x8.shr_u(v, 4), nibbles);
          sums0 = eight<D>(sums0, low, high, x);
          sums1 = eight<D>(sums1, low, high, x + 32);
          sums2 = eight<D>(sums2, low, high, x + 64);
          sums3 = eight<D>(sums3, low, high, x + 96);
          x += 8;
        } else {
          const even = evenOf<W>(v);
          const odd = oddOf<W>(v);
          sums0 = pair(sums0, even, odd, x);
          sums1 = pair(sums1, even, odd, x + 64);
          sums2 = pair(sums2, even, odd, x + 128);
          sums3 = pair(sums3, even, odd, x + 192);
          x += 8;
          if (isNibbles<W>()) {
            const highEven = evenOf<W>(i16x8.shr_u(v, 4));
            const highOdd = i16x8.shr_u(v, 12);
            sums0 = pair(sums0, highEven, highOdd, x);
            sums1 = pair(sums1, highEven, highOdd, x + 64);
            sums2 = pair(sums2, highEven, highOdd, x + 128);
            sums3 = pair(sums3, highEven, highOdd, x + 192);
            x += 8;
          } else if (isSigned<W>() && w + 32 == middle) {
            first0 = sums0;
            first1 = sums1;
            first2 = sums2;
            first3 = sums3;
            sums0 = i32x4.splat(0);
            sums1 = i32x4.splat(0);
            sums2 = i32x4.splat(0);
            sums3 = i32x4.splat(0);
          }
        }
      }
      x += 3 * width;
      w = next;
      const t0 = total<W, D>(sums0, first0, offset, scales, head, half);
      acc0 = f32x4.add(acc0, f32x4.mul(t0, v128.load32_splat(scale)));
      const t1 = total<W, D>(sums1, first1, offset + 4, scales, head, half);
      acc1 = f32x4.add(acc1, f32x4.mul(t1, v128.load32_splat(scale, 4)));
      const t2 = total<W, D>(sums2, first2, offset + 8, scales, head, half);
      acc2 = f32x4.add(acc2, f32x4.mul(t2, v128.load32_splat(scale, 8)));
      const t3 = total<W, D>(sums3, first3, offset + 12, scales, head, half);
      acc3 = f32x4.add(acc3, f32x4.mul(t3, v128.load32_splat(scale, 12)));
    }
  }
  const token = <usize>N << 2;
  storeF32(out, acc0, rows);
  storeF32(out + token, acc1, rows);
  storeF32(out + 2 * token, acc2, rows);
  storeF32(out + 3 * token, acc3, rows);
}

/** Inputs of one vector of 4 rows, as bytes of q. */
// @ts-ignore: decorator
@inline
function step<W>(): usize {
  return isNibbles<W>() ? 8 : 4;
}

/** What sums begin with: nibbles in the relaxed forms count from 8 (dot.ts says why). */
// @ts-ignore: decorator
@inline
function start<W, D>(offset: usize): v128 {
  return isNibbles<W>() && isSigned<D>() ? startAt<D>(offset) : i32x4.splat(0);
}

/** The weights of the inputs 0 and 2, and 1 and 3, of each i32 lane as pairs of i16; of nibbles the low ones. */
// @ts-ignore: decorator
@inline
function evenOf<W>(v: v128): v128 {
  return isNibbles<W>() ? v128.and(v, v128.load(NIBBLE_16)) : bytes02(v);
}
// @ts-ignore: decorator
@inline
function oddOf<W>(v: v128): v128 {
  return isNibbles<W>() ? v128.and(i16x8.shr_u(v, 8), v128.load(NIBBLE_16)) : bytes13(v);
}

/** sums + 4 rows' weights of 4 inputs, as pairs · the inputs, as pairs in memory. */
// @ts-ignore: decorator
@inline
function pair(sums: v128, even: v128, odd: v128, x: usize): v128 {
  return dotAdd<u16>(dotAdd<u16>(sums, even, v128.load32_splat(x)), odd, v128.load32_splat(x, 4));
}

/** sums + the nibbles of 4 rows · 8 inputs. */
// @ts-ignore: decorator
@inline
function eight<D>(sums: v128, low: v128, high: v128, x: usize): v128 {
  return dotAdd<D>(dotAdd<D>(sums, low, v128.load32_splat(x)), high, v128.load32_splat(x, 4));
}

/** What 4 rows' group adds, but for the activations' scale. `first`: the sums of the first 16 inputs, in q6k. */
// @ts-ignore: decorator
@inline
function total<W, D>(sums: v128, first: v128, offset: usize, scales: usize, head: usize, half: usize): v128 {
  const d = v128.load(head + (half << 4));
  if (isSigned<W>()) {
    const s0 = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(scales + (half << 2))));
    const s1 = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(scales + 8 + (half << 2))));
    return f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(i32x4.mul(first, s0), i32x4.mul(sums, s1))), d);
  }
  const offsets = startAt<i32>(offset); // -8 times the sum of the inputs
  const dots = isNibbles<W>() && isSigned<D>() ? i32x4.sub(finish<D>(sums), offsets) : sums;
  const s = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(scales + (half << 2))));
  const m = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(scales + 8 + (half << 2))));
  const product = f32x4.mul(f32x4.convert_i32x4_s(i32x4.mul(dots, s)), d);
  const less = f32x4.mul(f32x4.convert_i32x4_s(i32x4.mul(i32x4.shr_s(offsets, 3), m)), v128.load(head + 32 + (half << 4)));
  return f32x4.add(product, less);
}
