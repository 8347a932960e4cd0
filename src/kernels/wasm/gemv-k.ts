import { dotAdd, dotAdd2, finish, join, low16, startAt } from "./dot";
import { bytes02, bytes13 } from "./int8-tile";
import { evenOf, fourth, halfBytes, headBytes, isSix, kBytes, maskOf, numberOf, oddOf, Q4X, Q6K, TABLE } from "./k-formats";

/**
 * One token, W q4k, q5k, q6k or q4x: out f32 [N] of the rows of blocks begin … end - 1, 16 at a time, in two streams (gemv.ts says why).
 *
 * 4 rows × 8 inputs of nibbles are a vector, as in q4; of 6 bits there are three for 4 rows × 16 inputs. n are the dot product's unsigned operand. In the
 * form PAIRS nibbles go as q4's do, without masks, less 8 meanwhile; 6 bits are taken apart into i16. x is the token's operand: `pairs` for nibbles in
 * the form PAIRS, otherwise `q`.
 *
 * Rows 0-3 and rows 4-7 of a block are loaded, computed and stored in the same operations on neighbouring vectors, of which V8 can make one of twice
 * the width (`--experimental-wasm-revectorize`): by loads and stores with constant offsets, without shuffles of 16-bit lanes, without branches.
 * @param spare 32 bytes
 */
export function gemvK<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, N: i32, G: i32, spare: usize, begin: i32, end: i32,
): void {
  const bytes = kBytes(numberOf<W>(), G);
  const half = (end - begin + 1) >> 1;
  for (let i = begin; i < begin + half; i++) {
    const j = min(i + half, end - 1); // the last one once more where the number of blocks is odd
    tile<W, D>(out, x, scale, offset, w + <usize>i * bytes, w + <usize>j * bytes, N, i << 3, j << 3, G, spare);
  }
}

/** The 8 rows from n, whose weights lie at w, and the 8 rows from m, whose weights lie at v. */
function tile<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, v: usize, N: i32, n: i32, m: i32, G: i32, spare: usize,
): void {
  const six = isSix(numberOf<W>());
  const mask = maskOf(six);
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
        // A step of nibbles has one vector; the others are not used.
        sums0 = products<W, D>(sums0, v128.load(w), six ? v128.load(w, 32) : mask, six ? v128.load(w, 64) : mask, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums1 = products<W, D>(sums1, v128.load(w, 16), six ? v128.load(w, 48) : mask, six ? v128.load(w, 80) : mask, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums2 = products<W, D>(sums2, v128.load(v), six ? v128.load(v, 32) : mask, six ? v128.load(v, 64) : mask, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        sums3 = products<W, D>(sums3, v128.load(v, 16), six ? v128.load(v, 48) : mask, six ? v128.load(v, 80) : mask, mask, table, x0, x1, x2, x3, x4, x5, x6, x7);
        x += isSix(numberOf<W>()) || isChain<W, D>() ? 16 : 8;
      }
      if (bySixteen<W>()) {
        const ws = v128.load_ext<i8>(wScales + (h << 3));
        acc0 = addScaled(acc0, sums0, i32x4.extend_low_i16x8_s(ws), v128.load(wHead), a);
        acc1 = addScaled(acc1, sums1, i32x4.extend_high_i16x8_s(ws), v128.load(wHead, 16), a);
        const vs = v128.load_ext<i8>(vScales + (h << 3));
        acc2 = addScaled(acc2, sums2, i32x4.extend_low_i16x8_s(vs), v128.load(vHead), a);
        acc3 = addScaled(acc3, sums3, i32x4.extend_high_i16x8_s(vs), v128.load(vHead, 16), a);
      } else {
        const sum = join(v128.load32_splat(offset, 4)); // Σ q
        const ws = v128.load_ext<u8>(wScales);
        const wm = v128.load_ext<u8>(wScales, 8);
        acc0 = addLess<W, D>(acc0, sums0, offset, sum, i32x4.extend_low_i16x8_u(ws), i32x4.extend_low_i16x8_u(wm), v128.load(wHead), v128.load(wHead, 32), a);
        acc1 = addLess<W, D>(acc1, sums1, offset, sum, i32x4.extend_high_i16x8_u(ws), i32x4.extend_high_i16x8_u(wm), v128.load(wHead, 16), v128.load(wHead, 48), a);
        const vs = v128.load_ext<u8>(vScales);
        const vm = v128.load_ext<u8>(vScales, 8);
        acc2 = addLess<W, D>(acc2, sums2, offset, sum, i32x4.extend_low_i16x8_u(vs), i32x4.extend_low_i16x8_u(vm), v128.load(vHead), v128.load(vHead, 32), a);
        acc3 = addLess<W, D>(acc3, sums3, offset, sum, i32x4.extend_high_i16x8_u(vs), i32x4.extend_high_i16x8_u(vm), v128.load(vHead, 16), v128.load(vHead, 48), a);
      }
    }
  }
  store8(out + (<usize>n << 2), spare, acc0, acc1, N - n);
  store8(out + (<usize>m << 2), spare, acc2, acc3, N - m);
}

/** Stores 8 rows, or those of them that there are, by way of 32 spare bytes. */
// @ts-ignore: decorator
@inline
function store8(out: usize, spare: usize, lo: v128, hi: v128, rows: i32): void {
  const to = rows < 8 ? spare : out;
  v128.store(to, hi, 16);
  v128.store(to, lo);
  for (let i = 0; rows < 8 && i < rows; i++) store<f32>(out + (<usize>i << 2), load<f32>(spare + (<usize>i << 2)));
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
  if (numberOf<W>() == Q6K) return i32x4.splat(<i32>load<i16>(offset + (h << 1), 4) * -32);
  if (hasTable<W>()) return i32x4.splat(0);
  return isChain<W, D>() ? startAt<D>(offset) : i32x4.splat(0);
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
  sums: v128, v0: v128, v1: v128, v2: v128, mask: v128, table: v128,
  x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128,
): v128 {
  if (isSix(numberOf<W>())) {
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
function addScaled(acc: v128, sums: v128, s: v128, d: v128, a: v128): v128 {
  const ds = f32x4.mul(f32x4.convert_i32x4_s(s), d);
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.mul(ds, a)));
}

/**
 * acc + (f32(sums · s) · d - f32(Σ q · m) · dmin) · a; s and m in both halves of i32 lanes, dmin 32 bytes behind d. With s and m multiplied as integers
 * the bits are those of f32(sums) · (d · s), since f32(sums · s) and d · s are exact.
 */
// @ts-ignore: decorator
@inline
function addLess<W, D>(acc: v128, sums: v128, offset: usize, sum: v128, s: v128, m: v128, d: v128, dmin: v128, a: v128): v128 {
  if (isChain<W, D>()) sums = i32x4.sub(low16(sums), startAt<D>(offset));
  else sums = finish<D>(sums);
  const less = f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(m, sum));
  return lessTimes(acc, i32x4.mul(sums, s), d, less, dmin, a);
}

/** acc + (f32(sums) · ds - sum · dm) · a */
// @ts-ignore: decorator
@inline
export function lessTimes(acc: v128, sums: v128, ds: v128, sum: v128, dm: v128, a: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(sums), ds), f32x4.mul(sum, dm)), a));
}
