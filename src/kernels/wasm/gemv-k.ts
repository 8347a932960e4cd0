import { dotAdd, dotAdd2, low16, startAt } from "./dot";
import { bytes02, bytes13, firstZeros, lastZeros, storeRows } from "./int8-tile";
import { evenOf, fourth, halfBytes, headBytes, isSix, kBytes, maskOf, numberOf, oddOf, Q4X, Q6K, TABLE } from "./k-formats";

/**
 * One token, W q4k, q5k, q6k or q4x: out f32 [N] of the rows of blocks begin … end - 1, 16 at a time, in two streams (gemv.ts says why).
 *
 * 4 rows × 8 inputs of nibbles are a vector, as in q4; of 6 bits there are three for 4 rows × 16 inputs. n are the dot product's unsigned operand. In the
 * form PAIRS nibbles go as q4's do, without masks, less 8 meanwhile; 6 bits are taken apart into i16. x is the token's operand: `pairs` for nibbles in
 * the form PAIRS, otherwise `q`.
 */
export function gemvK<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, N: i32, G: i32, begin: i32, end: i32,
): void {
  const bytes = kBytes(numberOf<W>(), G);
  const half = (end - begin + 1) >> 1;
  for (let i = begin; i < begin + half; i++) {
    const j = min(i + half, end - 1); // the last one once more where the number of blocks is odd
    tile<W, D>(out, x, scale, offset, w + <usize>i * bytes, w + <usize>j * bytes, N, i << 3, j << 3, G);
  }
}

/** The 8 rows from n, whose weights lie at w, and the 8 rows from m, whose weights lie at v. */
function tile<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, v: usize, N: i32, n: i32, m: i32, G: i32,
): void {
  const mask = maskOf(isSix(numberOf<W>()));
  const table = v128.load(TABLE);
  let acc0 = f32x4.splat(0); // rows n … n+3
  let acc1 = f32x4.splat(0); // rows n+4 … n+7
  let acc2 = f32x4.splat(0); // rows m … m+3
  let acc3 = f32x4.splat(0); // rows m+4 … m+7
  let wHead = w;
  let vHead = v;
  for (let g = 0; g < G; g++, scale += 4, offset += 8) {
    if ((g & 7) == 0) {
      wHead = w;
      vHead = v;
      w += headBytes(numberOf<W>());
      v += headBytes(numberOf<W>());
    }
    const wScales = w;
    const vScales = v;
    w += 16;
    v += 16;
    const a = v128.load32_splat(scale);
    for (let h: usize = 0; h < (bySixteen<W>() ? 2 : 1); h++) {
      let sums0 = start<W, D>(offset, h);
      let sums1 = sums0;
      let sums2 = sums0;
      let sums3 = sums0;
      for (const stop = w + (bySixteen<W>() ? 1 : 2) * halfBytes(numberOf<W>()); w < stop; w += stepBytes<W>(), v += stepBytes<W>()) {
        const x0 = input<W, D>(x, 0);
        const x1 = input<W, D>(x, 1);
        const x2 = input<W, D>(x, 2);
        const x3 = input<W, D>(x, 3);
        const x4 = input<W, D>(x, 4);
        const x5 = input<W, D>(x, 5);
        const x6 = input<W, D>(x, 6);
        const x7 = input<W, D>(x, 7);
        sums0 = products<W, D>(sums0, w, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums1 = products<W, D>(sums1, w + 16, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums2 = products<W, D>(sums2, v, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums3 = products<W, D>(sums3, v + 16, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        x += isSix(numberOf<W>()) || isChain<W, D>() ? 16 : 8;
      }
      if (bySixteen<W>()) {
        const ws = v128.load_ext<i8>(wScales + (h << 3));
        acc0 = addScaled(acc0, sums0, i32x4.extend_low_i16x8_s(ws), wHead, a);
        acc1 = addScaled(acc1, sums1, i32x4.extend_high_i16x8_s(ws), wHead + 16, a);
        const vs = v128.load_ext<i8>(vScales + (h << 3));
        acc2 = addScaled(acc2, sums2, i32x4.extend_low_i16x8_s(vs), vHead, a);
        acc3 = addScaled(acc3, sums3, i32x4.extend_high_i16x8_s(vs), vHead + 16, a);
      } else {
        const ws = v128.load_ext<u8>(wScales);
        const wm = v128.load_ext<u8>(wScales, 8);
        acc0 = addLess<W, D>(acc0, sums0, offset, firstZeros(ws), firstZeros(wm), wHead, a);
        acc1 = addLess<W, D>(acc1, sums1, offset, lastZeros(ws), lastZeros(wm), wHead + 16, a);
        const vs = v128.load_ext<u8>(vScales);
        const vm = v128.load_ext<u8>(vScales, 8);
        acc2 = addLess<W, D>(acc2, sums2, offset, firstZeros(vs), firstZeros(vm), vHead, a);
        acc3 = addLess<W, D>(acc3, sums3, offset, lastZeros(vs), lastZeros(vm), vHead + 16, a);
      }
    }
  }
  storeRows(out + (<usize>n << 2), acc0, acc1, N - n);
  storeRows(out + (<usize>m << 2), acc2, acc3, N - m);
}

/** Whether each 16 inputs have scales of their own. */
// @ts-ignore: decorator
@inline
function bySixteen<W>(): bool {
  return numberOf<W>() == Q6K || hasTable<W>();
}

/** Whether nibbles stand for the int8 of a table: q4x, only in the form PAIRS. */
// @ts-ignore: decorator
@inline
function hasTable<W>(): bool {
  return numberOf<W>() == Q4X;
}

/** Whether the operand is `pairs`. */
// @ts-ignore: decorator
@inline
export function isChain<W, D>(): bool {
  return !isSix(numberOf<W>()) && !hasTable<W>() && !isSigned<D>();
}

/** What sums of integers begin with: -32 Σ q in q6k, and -8 Σ q where 16 bits are to hold the sum of 32 nibbles. */
// @ts-ignore: decorator
@inline
function start<W, D>(offset: usize, h: usize): v128 {
  if (numberOf<W>() == Q6K) return less32(offset, h);
  if (hasTable<W>()) return i32x4.splat(0);
  return isChain<W, D>() ? startAt<D>(offset) : i32x4.splat(0);
}

/** -32 Σ q of the inputs of half h. */
// @ts-ignore: decorator
@inline
export function less32(offset: usize, h: usize): v128 {
  return i32x4.splat(<i32>load<i16>(offset + 4 + (h << 1)) * -32);
}

/** Bytes that a step of the inner loop goes on by: 8 inputs of 8 rows, or 16 where n have 6 bits. */
// @ts-ignore: decorator
@inline
function stepBytes<W>(): usize {
  return isSix(numberOf<W>()) ? 96 : 32;
}

/** Operand i of a step, splat to all rows: 4 inputs, or in the form PAIRS a pair; 0 where the step has fewer. */
// @ts-ignore: decorator
@inline
function input<W, D>(x: usize, i: usize): v128 {
  const fours: usize = isSix(numberOf<W>()) ? 4 : 2;
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
  if (isSix(numberOf<W>())) {
    const v1 = v128.load(w, 32);
    const v2 = v128.load(w, 64);
    const n0 = v128.and(v0, mask);
    const n1 = v128.and(v1, mask);
    const n2 = v128.and(v2, mask);
    const n3 = fourth(v0, v1, v2, mask);
    if (isSigned<D>()) return dotAdd2<D>(dotAdd2<D>(sums, n0, x0, n1, x1), n2, x2, n3, x3);
    sums = dotAdd<D>(dotAdd<D>(sums, evenOf(n0), x0), oddOf(n0), x1);
    sums = dotAdd<D>(dotAdd<D>(sums, evenOf(n1), x2), oddOf(n1), x3);
    sums = dotAdd<D>(dotAdd<D>(sums, evenOf(n2), x4), oddOf(n2), x5);
    return dotAdd<D>(dotAdd<D>(sums, evenOf(n3), x6), oddOf(n3), x7);
  }
  const high = i16x8.shr_u(v0, 4);
  if (hasTable<W>()) {
    const t0 = i8x16.swizzle(table, v128.and(v0, mask));
    const t1 = i8x16.swizzle(table, v128.and(high, mask));
    sums = dotAdd<D>(dotAdd<D>(sums, bytes02(t0), x0), bytes13(t0), x1);
    return dotAdd<D>(dotAdd<D>(sums, bytes02(t1), x2), bytes13(t1), x3);
  }
  if (isSigned<D>()) return dotAdd2<D>(sums, v128.and(v0, mask), x0, v128.and(high, mask), x1);
  sums = dotAdd<D>(dotAdd<D>(sums, v0, x0), high, x1);
  return dotAdd<D>(dotAdd<D>(sums, i16x8.shr_u(v0, 8), x2), i16x8.shr_u(v0, 12), x3);
}

/** acc + f32(sums) · (d · s · a) */
// @ts-ignore: decorator
@inline
function addScaled(acc: v128, sums: v128, s: v128, d: usize, a: v128): v128 {
  const ds = f32x4.mul(f32x4.convert_i32x4_s(s), v128.load(d));
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.mul(ds, a)));
}

/**
 * acc + (f32(sums · s) · d - f32(Σ q · m) · dmin) · a; s and m in both halves of i32 lanes, dmin 32 bytes behind d. With s and m multiplied as integers
 * the bits are those of f32(sums) · (d · s), since f32(sums · s) and d · s are exact.
 */
// @ts-ignore: decorator
@inline
function addLess<W, D>(acc: v128, sums: v128, offset: usize, s: v128, m: v128, d: usize, a: v128): v128 {
  if (isChain<W, D>()) sums = i32x4.sub(low16(sums), startAt<D>(offset));
  const narrow = isSigned<D>() && sizeof<D>() == 2;
  const whole = narrow ? i32x4.dot_i16x8_s(sums, s) : i32x4.mul(sums, i32x4.shr_u(s, 16));
  const less = i32x4.dot_i16x8_s(m, v128.load32_splat(offset, 4));
  return lessTimes(acc, whole, v128.load(d), f32x4.convert_i32x4_s(less), v128.load(d, 32), a);
}

/** acc + (f32(sums) · ds - sum · dm) · a */
// @ts-ignore: decorator
@inline
export function lessTimes(acc: v128, sums: v128, ds: v128, sum: v128, dm: v128, a: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(sums), ds), f32x4.mul(sum, dm)), a));
}
