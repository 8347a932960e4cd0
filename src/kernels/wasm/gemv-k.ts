import { dotAdd, dotAdd2, join, low16, startAt } from "./dot";
import { bytes02, bytes13, firstZeros, lastZeros, storeRows } from "./int8-tile";
import {
  bitsOf, bySixteen, bytesOf, evenOf, fourOf, halfBytes, hasMins, hasTable, headBytes, maskOf, minsOf, oddOf, scaleBytes, scalesOf, tableOf,
} from "./k-formats";

/**
 * One token and a K-format, 16 rows: the 8 from n, whose weights lie at w, and the 8 from m, whose weights lie at v (as in gemv.ts).
 *
 * 4 rows × 8 inputs of nibbles are a vector, as in q4; of 6 bits there are three for 4 rows × 16 inputs. n are the dot product's unsigned operand.
 * In the form PAIRS nibbles go as q4's do, without masks, less 8 meanwhile; others are taken apart into i16. x is the token's operand: `pairs` for nibbles in the form PAIRS, otherwise `q`.
 */
export function tileK<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, v: usize, N: i32, n: i32, m: i32, G: i32,
): void {
  const mask = maskOf<W>();
  const table = tableOf<W>();
  let acc0 = f32x4.splat(0); // rows n … n+3
  let acc1 = f32x4.splat(0); // rows n+4 … n+7
  let acc2 = f32x4.splat(0); // rows m … m+3
  let acc3 = f32x4.splat(0); // rows m+4 … m+7
  let wHead = w;
  let vHead = v;
  for (let g = 0; g < G; g++, scale += 4, offset += 8) {
    if (headBytes<W>() > 0 && (g & 7) == 0) {
      wHead = w;
      vHead = v;
      w += headBytes<W>();
      v += headBytes<W>();
    }
    const wScales = w;
    const vScales = v;
    w += scaleBytes<W>();
    v += scaleBytes<W>();
    const a = v128.load32_splat(scale);
    for (let h: usize = 0; h < (bySixteen<W>() ? 2 : 1); h++) {
      let sums0 = startK<W, D>(offset, h);
      let sums1 = sums0;
      let sums2 = sums0;
      let sums3 = sums0;
      for (const stop = w + (bySixteen<W>() ? 1 : 2) * halfBytes<W>(); w < stop; w += stepBytes<W>(), v += stepBytes<W>()) {
        const x0 = inputK<W, D>(x, 0);
        const x1 = inputK<W, D>(x, 1);
        const x2 = inputK<W, D>(x, 2);
        const x3 = inputK<W, D>(x, 3);
        const x4 = inputK<W, D>(x, 4);
        const x5 = inputK<W, D>(x, 5);
        const x6 = inputK<W, D>(x, 6);
        const x7 = inputK<W, D>(x, 7);
        sums0 = products<W, D>(sums0, w, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums1 = products<W, D>(sums1, w + 16, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums2 = products<W, D>(sums2, v, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums3 = products<W, D>(sums3, v + 16, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        x += bitsOf<W>() == 6 || isChain<W, D>() ? 16 : 8;
      }
      const sum = hasMins<W>() ? sumsOf<W>(offset, h) : a;
      const ws = scalesOf<W>(wScales, h);
      const wm = hasMins<W>() ? minsOf<W>(wScales, h) : ws;
      acc0 = addK<W, D>(acc0, sums0, offset, ws, wm, wHead, 0, sum, a);
      acc1 = addK<W, D>(acc1, sums1, offset, ws, wm, wHead, 1, sum, a);
      const vs = scalesOf<W>(vScales, h);
      const vm = hasMins<W>() ? minsOf<W>(vScales, h) : vs;
      acc2 = addK<W, D>(acc2, sums2, offset, vs, vm, vHead, 0, sum, a);
      acc3 = addK<W, D>(acc3, sums3, offset, vs, vm, vHead, 1, sum, a);
    }
  }
  storeRows(out + (<usize>n << 2), acc0, acc1, N - n);
  storeRows(out + (<usize>m << 2), acc2, acc3, N - m);
}

/** Whether the operand is `pairs`. */
// @ts-ignore: decorator
@inline
export function isChain<W, D>(): bool {
  return bitsOf<W>() == 4 && !hasTable<W>() && !isSigned<D>();
}

/** What sums of integers begin with: -32 Σ q in q6k, and -8 Σ q where 16 bits are to hold the sum of 32 nibbles. */
// @ts-ignore: decorator
@inline
function startK<W, D>(offset: usize, h: usize): v128 {
  if (isChain<W, D>() && !bySixteen<W>()) return startAt<D>(offset);
  return startOf<W>(offset, h);
}

/** The same where nothing is to be held in 16 bits. */
// @ts-ignore: decorator
@inline
export function startOf<W>(offset: usize, h: usize): v128 {
  return hasMins<W>() || hasTable<W>() ? i32x4.splat(0) : i32x4.splat(<i32>load<i16>(offset + 4 + (h << 1)) * -32);
}

/** Σ q of the inputs of half h, or of all 32, as float32. */
// @ts-ignore: decorator
@inline
export function sumOf<W>(offset: usize, h: usize): v128 {
  if (bySixteen<W>()) return f32x4.splat(<f32>load<i16>(offset + 4 + (h << 1)));
  return f32x4.convert_i32x4_s(join(v128.load32_splat(offset, 4)));
}

/** Bytes that a step of the inner loop goes on by: 8 inputs of 8 rows, or 16 where n have 6 bits. */
// @ts-ignore: decorator
@inline
function stepBytes<W>(): usize {
  return bitsOf<W>() == 6 ? 96 : 32;
}

/** Operand i of a step, splat to all rows: 4 inputs, or in the form PAIRS a pair; 0 where the step has fewer. */
// @ts-ignore: decorator
@inline
function inputK<W, D>(x: usize, i: usize): v128 {
  const fours: usize = bitsOf<W>() == 6 ? 4 : 2;
  if (i >= (isSigned<D>() ? fours : 2 * fours)) return i32x4.splat(0);
  if (isSigned<D>() || isChain<W, D>()) return v128.load32_splat(x + 4 * i);
  const four = v128.load32_splat(x + 4 * (i >> 1));
  return i & 1 ? bytes13(four) : bytes02(four);
}

/** sums + 4 rows × a step, whose vectors lie 32 bytes apart from w on. */
// @ts-ignore: decorator
@inline
function products<W, D>(
  sums: v128, w: usize, mask: v128, table: v128,
  x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128,
): v128 {
  const v0 = v128.load(w);
  if (isChain<W, D>()) {
    sums = dotAdd<D>(dotAdd<D>(sums, v0, x0), i16x8.shr_u(v0, 4), x1);
    return dotAdd<D>(dotAdd<D>(sums, i16x8.shr_u(v0, 8), x2), i16x8.shr_u(v0, 12), x3);
  }
  const v1 = bitsOf<W>() == 6 ? v128.load(w, 32) : v0;
  const v2 = bitsOf<W>() == 6 ? v128.load(w, 64) : v0;
  const b0 = bytesOf<W>(v0, v1, v2, mask, table, 0);
  const b1 = bytesOf<W>(v0, v1, v2, mask, table, 1);
  if (isSigned<D>()) {
    sums = dotAdd2<D>(sums, b0, x0, b1, x1);
  } else {
    sums = dotAdd<D>(dotAdd<D>(sums, evenOf<W>(b0), x0), oddOf<W>(b0), x1);
    sums = dotAdd<D>(dotAdd<D>(sums, evenOf<W>(b1), x2), oddOf<W>(b1), x3);
  }
  if (bitsOf<W>() == 4) return sums;
  const b2 = bytesOf<W>(v0, v1, v2, mask, table, 2);
  const b3 = bytesOf<W>(v0, v1, v2, mask, table, 3);
  if (isSigned<D>()) return dotAdd2<D>(sums, b2, x2, b3, x3);
  sums = dotAdd<D>(dotAdd<D>(sums, evenOf<W>(b2), x4), oddOf<W>(b2), x5);
  return dotAdd<D>(dotAdd<D>(sums, evenOf<W>(b3), x6), oddOf<W>(b3), x7);
}

/** Whether s and m of 32 inputs are small integers: then they are multiplied as integers, to the same bits, since d · s and s · Σ n q are exact. */
// @ts-ignore: decorator
@inline
function inIntegers<W>(): bool {
  return headBytes<W>() == 64 && !bySixteen<W>();
}

/** Σ q as addK takes it. */
// @ts-ignore: decorator
@inline
function sumsOf<W>(offset: usize, h: usize): v128 {
  return inIntegers<W>() ? v128.load32_splat(offset, 4) : sumOf<W>(offset, h);
}

/** acc + (f32(sums) · ds - f32(Σ q) · dm) · a, or without minima f32(sums) · (ds · a); of 8 rows' s and m the first four or the last. */
// @ts-ignore: decorator
@inline
function addK<W, D>(
  acc: v128, sums: v128, offset: usize, s: v128, m: v128, head: usize, rows: i32, sum: v128, a: v128,
): v128 {
  let dots = sums;
  if (isChain<W, D>()) {
    dots = low16(sums);
    if (!bySixteen<W>()) dots = i32x4.sub(dots, startAt<D>(offset));
  }
  if (inIntegers<W>()) {
    const pairs = rows == 0 ? firstZeros(s) : lastZeros(s);
    const less = i32x4.dot_i16x8_s(rows == 0 ? firstZeros(m) : lastZeros(m), sum);
    const whole = isSigned<D>() && sizeof<D>() == 2 ? i32x4.dot_i16x8_s(dots, pairs) : i32x4.mul(dots, i32x4.shr_u(pairs, 16));
    const at = head + (<usize>rows << 4);
    return addLess(acc, whole, v128.load(at), v128.load(at, 32), f32x4.convert_i32x4_s(less), a);
  }
  const ds = fourOf<W>(s, head, rows);
  if (!hasMins<W>()) return addScaled(acc, dots, f32x4.mul(ds, a));
  return addLess(acc, dots, ds, fourOf<W>(m, head + 32, rows), sum, a);
}

// @ts-ignore: decorator
@inline
export function addScaled(acc: v128, dots: v128, scale: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(dots), scale));
}

// @ts-ignore: decorator
@inline
export function addLess(acc: v128, dots: v128, ds: v128, dm: v128, sum: v128, a: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(dots), ds), f32x4.mul(sum, dm)), a));
}
