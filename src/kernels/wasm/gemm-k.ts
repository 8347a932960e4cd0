import { dotAdd2, finish } from "./dot";
import { addLess, addScaled, startOf, sumOf } from "./gemv-k";
import {
  bitsOf, bySixteen, bytesOf, evenOf, fourOf, halfBytes, hasMins, headBytes, maskOf, minsOf, oddOf, scaleBytes, scalesOf, tableOf,
} from "./k-formats";

// Of gemm.ts, what is different in K-formats. Unpacked, 16 or 32 inputs of 8 rows, as the format has scales for them, are
//
//     f32 ds of rows 0-3 | of rows 4-7 | dm of rows 0-3 | of rows 4-7 (where there are minima) | for each step: an operand of rows 0-3 | of rows 4-7
//
// and a step is 4 inputs, or 2 in the form PAIRS.

/** Bytes before the steps. */
// @ts-ignore: decorator
@inline
function recordHead<W>(): usize {
  return hasMins<W>() ? 64 : 32;
}

/** Bytes of the steps of 16 inputs. */
// @ts-ignore: decorator
@inline
function stepBytes<D>(): usize {
  return isSigned<D>() ? 128 : 256;
}

/** Bytes of an unpacked group of 32 inputs. */
// @ts-ignore: decorator
@inline
export function unpackedK<W, D>(): usize {
  return (bySixteen<W>() ? 2 : 1) * recordHead<W>() + 2 * stepBytes<D>();
}

/** `groups` groups, from w where a block begins, to operands. */
export function unpackK<W, D>(to: usize, w: usize, groups: i32): void {
  let head = w;
  for (let g = 0; g < groups; g++) {
    if (headBytes<W>() > 0 && (g & 7) == 0) {
      head = w;
      w += headBytes<W>();
    }
    const scales = w;
    w += scaleBytes<W>();
    for (let h: usize = 0; h < 2; h++) {
      if (bySixteen<W>() || h == 0) {
        const s = scalesOf<W>(scales, h);
        v128.store(to, fourOf<W>(s, head, 0));
        v128.store(to, fourOf<W>(s, head, 1), 16);
        if (hasMins<W>()) {
          const m = minsOf<W>(scales, h);
          v128.store(to, fourOf<W>(m, head + 32, 0), 32);
          v128.store(to, fourOf<W>(m, head + 32, 1), 48);
        }
        to += recordHead<W>();
      }
      steps<W, D>(to, w, 0);
      steps<W, D>(to + 16, w, 1);
      to += stepBytes<D>();
      w += halfBytes<W>();
    }
  }
}

/** The operands of 4 rows × 16 inputs, each 32 bytes from the one before. */
// @ts-ignore: decorator
@inline
function steps<W, D>(to: usize, w: usize, rows: i32): void {
  const mask = maskOf<W>();
  const table = tableOf<W>();
  const v0 = v128.load(w + (<usize>rows << 4));
  const v1 = v128.load(w + (<usize>rows << 4), 32);
  const v2 = bitsOf<W>() == 6 ? v128.load(w + (<usize>rows << 4), 64) : v1;
  step<W, D>(to, 0, bytesOf<W>(v0, v1, v2, mask, table, 0));
  step<W, D>(to, 1, bytesOf<W>(v0, v1, v2, mask, table, 1));
  step<W, D>(to, 2, bytesOf<W>(v0, v1, v2, mask, table, 2));
  step<W, D>(to, 3, bytesOf<W>(v0, v1, v2, mask, table, 3));
}

// @ts-ignore: decorator
@inline
function step<W, D>(to: usize, c: usize, bytes: v128): void {
  if (isSigned<D>()) {
    v128.store(to + 32 * c, bytes);
  } else {
    v128.store(to + 64 * c, evenOf<W>(bytes));
    v128.store(to + 64 * c + 32, oddOf<W>(bytes));
  }
}

/** `groups` groups of 8 rows × 4 tokens more in the sums [4, 8] at acc. */
function quadK<W, D>(acc: usize, x: usize, scale: usize, offset: usize, w: usize, groups: i32): void {
  const token: usize = isSigned<D>() ? 32 : 64; // bytes of a token's group
  for (const last = w + <usize>groups * unpackedK<W, D>(); w < last; scale += 16, offset += 32) {
    for (let h: usize = 0; h < (bySixteen<W>() ? 2 : 1); h++) {
      let lo0 = startOf<W>(offset, h); // token 0, rows 0-3
      let hi0 = lo0; // token 0, rows 4-7
      let lo1 = startOf<W>(offset + 8, h);
      let hi1 = lo1;
      let lo2 = startOf<W>(offset + 16, h);
      let hi2 = lo2;
      let lo3 = startOf<W>(offset + 24, h);
      let hi3 = lo3;
      const scales = w;
      w += recordHead<W>();
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

/** 8 rows of one token. */
// @ts-ignore: decorator
@inline
function add<W, D>(acc: usize, lo: v128, hi: v128, scales: usize, scale: usize, offset: usize, h: usize): void {
  const a = v128.load32_splat(scale);
  if (hasMins<W>()) {
    const sum = sumOf<W>(offset, h);
    v128.store(acc, addLess(v128.load(acc), finish<D>(lo), v128.load(scales), v128.load(scales, 32), sum, a));
    v128.store(acc, addLess(v128.load(acc, 16), finish<D>(hi), v128.load(scales, 16), v128.load(scales, 48), sum, a), 16);
  } else {
    v128.store(acc, addScaled(v128.load(acc), finish<D>(lo), f32x4.mul(v128.load(scales), a)));
    v128.store(acc, addScaled(v128.load(acc, 16), finish<D>(hi), f32x4.mul(v128.load(scales, 16), a)), 16);
  }
}

/** The same, by one function for all formats that look alike unpacked. */
// @ts-ignore: decorator
@inline
export function tileOfK<W, D>(acc: usize, x: usize, scale: usize, offset: usize, w: usize, groups: i32): void {
  if (bySixteen<W>()) quadK<W, D>(acc, x, scale, offset, w, groups);
  else quadK<u32, D>(acc, x, scale, offset, w, groups);
}
