import { dotAdd, dotAdd2, ONES } from "./dot";
import { aheadOf, QUADS, UNPACKED } from "./gemm";
import { lessTimes } from "./gemv-k";
import { addGroup, bytes02, bytes13, storeRows } from "./int8-tile";
import { kBytes, Q2K, Q4X, Q6K } from "./k-formats";
import { unpack, unpackedBytes } from "./unpack-k";

/**
 * gemm (gemm.ts) of W in a K-format, and of `singles` tokens behind the fours. Unpacked (unpack-k.ts), formats are of three kinds, W:
 *
 *     u32   32 inputs, with minima      q4k, q5k, q4m, q5m
 *     f64   16 inputs, without          q6k; q4x, whose operands are table[n] + 32 (only in PAIRS)
 *     f32   16 inputs, with minima      q2k (only in PAIRS)
 *
 * @param q what single tokens take, which are there in the form PAIRS only
 */
export function gemmK<D>(
  out: usize, x: usize, q: usize, scale: usize, offset: usize, w: usize, format: i32, quads: i32, singles: i32, N: i32, G: i32,
  scratch: usize, begin: i32, end: i32,
): void {
  const sixteen = format == Q6K || format == Q4X || format == Q2K;
  const group = unpackedBytes<D>(format);
  const groups = <i32>(UNPACKED / group) & ~7;
  const sums = scratch + UNPACKED;
  const bytes = kBytes(format, G);
  const behind = w + <usize>end * bytes;
  w += <usize>begin * bytes;
  for (let n = begin << 3; n < end << 3; n += 8, w += bytes) {
    for (let first = 0; first < quads + singles; first += QUADS) {
      const last = min(first + QUADS, quads + singles); // fours, and then single tokens
      for (let to = sums; to < sums + (<usize>(last - first) << 7); to += 16) v128.store(to, f32x4.splat(0));
      for (let g = 0; g < G; g += groups) {
        const some = min(groups, G - g);
        const block = w + kBytes(format, g);
        const next = w + kBytes(format, g + some);
        if (isSigned<D>()) unpack<i32>(scratch, block, format, some);
        else unpack<u16>(scratch, block, format, some);
        const stop = scratch + <usize>some * group;
        for (let i = first; i < last; i++) {
          const to = sums + (<usize>(i - first) << 7);
          if (i >= quads) {
            if (isSigned<D>()) unreachable();
            const at = <usize>((3 * quads + i) * G + g);
            if (!sixteen) one<u32>(to, q + (at << 5), scale + (at << 2), offset + (at << 3), scratch, stop);
            else one<f32>(to, q + (at << 5), scale + (at << 2), offset + (at << 3), scratch, stop);
            continue;
          }
          const at = <usize>(i * G + g);
          const from = x + (at << (isSigned<D>() ? 7 : 8));
          const s = scale + (at << 4);
          const o = offset + (at << 5);
          const ahead = aheadOf(next, i - first, some, next - block, behind) - s;
          if (!sixteen) quad<u32, D>(to, from, s, o, scratch, stop, ahead);
          else if (isSigned<D>() && sizeof<D>() == 2) unreachable();
          else if (!isSigned<D>() && format == Q2K) quad<f32, u16>(to, from, s, o, scratch, stop, ahead);
          else quad<f64, D>(to, from, s, o, scratch, stop, ahead);
        }
      }
      for (let i = first; i < last; i++) {
        for (let j = 0; j < (i < quads ? 4 : 1); j++) {
          const t = i < quads ? (i << 2) + j : 3 * quads + i;
          const from = sums + (<usize>(i - first) << 7) + (<usize>j << 5);
          storeRows(out + (<usize>(t * N + n) << 2), v128.load(from), v128.load(from, 16), N - n);
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function hasMins<W>(): bool {
  return sizeof<W>() == 4;
}
// @ts-ignore: decorator
@inline
function bySixteen<W>(): bool {
  return isFloat<W>();
}

/** i16 × 8: what the lower half of each i32 lane is multiplied with. */
const MINUS_32 = memory.data<i16>([-32, 0, -32, 0, -32, 0, -32, 0], 16);

/** What sums of integers begin with: without minima, -32 Σ q of the inputs of half h. */
// @ts-ignore: decorator
@inline
function start<W>(offset: usize, h: usize): v128 {
  if (hasMins<W>()) return i32x4.splat(0);
  return i32x4.dot_i16x8_s(v128.load16_splat(offset + (h << 1), 4), v128.load(MINUS_32));
}

/** What is unpacked from w to `stop`, of 8 rows × 4 tokens: more in the sums [4, 8] at acc. On the way it touches what is `ahead` of the scales (gemm.ts). */
function quad<W, D>(acc: usize, x: usize, scale: usize, offset: usize, w: usize, stop: usize, ahead: usize): void {
  const token: usize = isSigned<D>() ? 32 : 64; // bytes of a token's group
  for (; w < stop; scale += 16, offset += 32) {
    load<u8>(scale + ahead);
    for (let h: usize = 0; h < (bySixteen<W>() ? 2 : 1); h++) {
      let lo0 = start<W>(offset, h); // token 0, rows 0-3
      let hi0 = lo0; // token 0, rows 4-7
      let lo1 = start<W>(offset + 8, h);
      let hi1 = lo1;
      let lo2 = start<W>(offset + 16, h);
      let hi2 = lo2;
      let lo3 = start<W>(offset + 24, h);
      let hi3 = lo3;
      const scales = w;
      w += hasMins<W>() ? 64 : 32;
      for (const end = x + (bySixteen<W>() ? token >> 1 : token); x < end; x += 8, w += 64) {
        const a = v128.load(w);
        const b = v128.load(w, 16);
        const c = v128.load(w, 32);
        const d = v128.load(w, 48);
        const x0 = v128.load32_splat(x);
        const y0 = v128.load32_splat(x, 4);
        lo0 = dotAdd2<D>(lo0, a, x0, c, y0);
        hi0 = dotAdd2<D>(hi0, b, x0, d, y0);
        const x1 = v128.load32_splat(x + token);
        const y1 = v128.load32_splat(x + token, 4);
        lo1 = dotAdd2<D>(lo1, a, x1, c, y1);
        hi1 = dotAdd2<D>(hi1, b, x1, d, y1);
        const x2 = v128.load32_splat(x + 2 * token);
        const y2 = v128.load32_splat(x + 2 * token, 4);
        lo2 = dotAdd2<D>(lo2, a, x2, c, y2);
        hi2 = dotAdd2<D>(hi2, b, x2, d, y2);
        const x3 = v128.load32_splat(x + 3 * token);
        const y3 = v128.load32_splat(x + 3 * token, 4);
        lo3 = dotAdd2<D>(lo3, a, x3, c, y3);
        hi3 = dotAdd2<D>(hi3, b, x3, d, y3);
      }
      add<W, D>(acc, lo0, hi0, scales, scale, offset, h);
      add<W, D>(acc + 32, lo1, hi1, scales, scale + 4, offset + 8, h);
      add<W, D>(acc + 64, lo2, hi2, scales, scale + 8, offset + 16, h);
      add<W, D>(acc + 96, lo3, hi3, scales, scale + 12, offset + 24, h);
    }
    x += 3 * token;
  }
}

/** The same of a single token, whose q lie at x, in the form PAIRS. */
function one<W>(acc: usize, x: usize, scale: usize, offset: usize, w: usize, stop: usize): void {
  for (; w < stop; scale += 4, offset += 8) {
    for (let h: usize = 0; h < (bySixteen<W>() ? 2 : 1); h++) {
      let lo = start<W>(offset, h);
      let hi = lo;
      const scales = w;
      w += hasMins<W>() ? 64 : 32;
      for (const end = x + (bySixteen<W>() ? 16 : 32); x < end; x += 4, w += 64) {
        const four = v128.load32_splat(x);
        const even = bytes02(four);
        const odd = bytes13(four);
        lo = dotAdd<u16>(dotAdd<u16>(lo, v128.load(w), even), v128.load(w, 32), odd);
        hi = dotAdd<u16>(dotAdd<u16>(hi, v128.load(w, 16), even), v128.load(w, 48), odd);
      }
      add<W, u16>(acc, lo, hi, scales, scale, offset, h);
    }
  }
}

/** 8 rows of one token more, in the order of reference/linear.ts. */
// @ts-ignore: decorator
@inline
function add<W, D>(acc: usize, lo: v128, hi: v128, scales: usize, scale: usize, offset: usize, h: usize): void {
  const a = v128.load32_splat(scale);
  const ones = v128.load(ONES);
  if (isSigned<D>() && sizeof<D>() == 2) {
    lo = i32x4.dot_i16x8_s(lo, ones);
    hi = i32x4.dot_i16x8_s(hi, ones);
  }
  if (hasMins<W>()) {
    const sum = bySixteen<W>()
      ? f32x4.splat(<f32>load<i16>(offset + 4 + (h << 1)))
      : f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(v128.load32_splat(offset, 4), ones));
    lo = lessTimes(v128.load(acc), lo, v128.load(scales), sum, v128.load(scales, 32), a);
    hi = lessTimes(v128.load(acc, 16), hi, v128.load(scales, 16), sum, v128.load(scales, 48), a);
  } else {
    lo = addGroup(v128.load(acc), lo, v128.load(scales), a);
    hi = addGroup(v128.load(acc, 16), hi, v128.load(scales, 16), a);
  }
  v128.store(acc, hi, 16);
  v128.store(acc, lo);
}
