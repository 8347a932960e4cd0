import { f16x4ToF32x4 } from "./f16";
import { blockBytes, chunkBytes, F32, groupsOf, hasZeros, Q4, Q4Z, rowGroupBytes, scalesAt } from "./layout";
import { linearF32K } from "./rows-k";
import { loadF32, storeF32 } from "./vectors";

/** i32 × 4: the bits of a nibble, and its offset; in memory for the reason given in f16.ts (in Node 24 nearly twice the speed). */
const NIBBLE = memory.data<i32>([15, 15, 15, 15], 16);
const EIGHT = memory.data<i32>([8, 8, 8, 8], 16);

/**
 * out f32 [T, N] = x · Wᵀ, x f32 [T, C], W f32, q4, q4z, q8 or a K-format (rows-k.ts) [N, C].
 *
 * Each (row, token) has four sums, j = input mod 4. f32 weights: they are the lanes of a vector, and a tile is 4 rows × 2 tokens, or 1.
 *
 *     x    | k+0 | k+1 | k+2 | k+3 |          p_r   | j=0 | j=1 | j=2 | j=3 |     of row r
 *     w_r  | k+0 | k+1 | k+2 | k+3 |
 *
 * The others: a lane is an output row, the four sums are four vectors, and a tile is 4 rows × 1 token.
 *
 *     w    | row 0 | row 1 | row 2 | row 3 |  p_j   | row 0 | row 1 | row 2 | row 3 |     of the inputs k+j
 *
 * Of out the rows of blocks begin … end - 1, of 8 rows each, whose bits do not depend on how the blocks are cut into calls.
 * Neither x nor f32 weights are read past C. Rows past N are computed (from padding, or from row N-1 again) and not stored.
 * Alignment: f32 weights and x 4 bytes, the other weights 16.
 */
export function linearF32(
  out: usize, x: usize, w: usize, format: i32, T: i32, N: i32, C: i32, begin: i32, end: i32,
): void {
  if (format == F32) linearPlain(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else if (format > Q4Z) linearF32K(out, x, w, format, T, N, C, begin, end);
  else if (format == Q4) linearPacked<u8>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else if (format == Q4Z) linearPacked<u16>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
  else linearPacked<i8>(out, x, w, T, N, C, begin << 3, min(N, end << 3));
}

// ── f32 weights ──

/** Rows from (a multiple of 8) … to - 1. */
function linearPlain(out: usize, x: usize, w: usize, T: i32, N: i32, C: i32, from: i32, to: i32): void {
  const row = <usize>C << 2;
  const next = <usize>N << 2;
  w += <usize>from * row;
  for (let n = from; n < to; n += 4) {
    let o = out + (<usize>n << 2);
    let i = x;
    let t = 0;
    if (N - n >= 4 && (C & 3) === 0) {
      for (; t < T - 1; t += 2) {
        tilePlain4x2(o, next, i, w, C);
        o += next << 1;
        i += row << 1;
      }
    }
    for (; t < T; t++) {
      tilePlain(o, i, w, N - n, C);
      o += next;
      i += row;
    }
    w += row << 2;
  }
}

/** 4 rows × 2 tokens, whose outputs lie `next` bytes apart: each weight is loaded once for both. C is a multiple of 4. */
function tilePlain4x2(out: usize, next: usize, x0: usize, w0: usize, C: i32): void {
  const row = <usize>C << 2;
  const x1 = x0 + row;
  const w1 = w0 + row;
  const w2 = w1 + row;
  const w3 = w2 + row;
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  for (let c = 0; c < C; c += 32) {
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    let q0 = f32x4.splat(0);
    let q1 = f32x4.splat(0);
    let q2 = f32x4.splat(0);
    let q3 = f32x4.splat(0);
    const end = min(c + 32, C);
    for (let k = c; k < end; k += 4) {
      const at = <usize>k << 2;
      const xs = v128.load(x0 + at);
      const ys = v128.load(x1 + at);
      let ws = v128.load(w0 + at);
      p0 = f32x4.add(p0, f32x4.mul(xs, ws));
      q0 = f32x4.add(q0, f32x4.mul(ys, ws));
      ws = v128.load(w1 + at);
      p1 = f32x4.add(p1, f32x4.mul(xs, ws));
      q1 = f32x4.add(q1, f32x4.mul(ys, ws));
      ws = v128.load(w2 + at);
      p2 = f32x4.add(p2, f32x4.mul(xs, ws));
      q2 = f32x4.add(q2, f32x4.mul(ys, ws));
      ws = v128.load(w3 + at);
      p3 = f32x4.add(p3, f32x4.mul(xs, ws));
      q3 = f32x4.add(q3, f32x4.mul(ys, ws));
    }
    a0 = f32x4.add(a0, p0);
    a1 = f32x4.add(a1, p1);
    a2 = f32x4.add(a2, p2);
    a3 = f32x4.add(a3, p3);
    b0 = f32x4.add(b0, q0);
    b1 = f32x4.add(b1, q1);
    b2 = f32x4.add(b2, q2);
    b3 = f32x4.add(b3, q3);
  }
  v128.store(out, totals(a0, a1, a2, a3));
  v128.store(out + next, totals(b0, b1, b2, b3));
}

/** Up to 4 rows × 1 token. */
function tilePlain(out: usize, x: usize, w0: usize, rows: i32, C: i32): void {
  const row = <usize>C << 2;
  const w1 = rows > 1 ? w0 + row : w0;
  const w2 = rows > 2 ? w1 + row : w1;
  const w3 = rows > 3 ? w2 + row : w2;
  let acc0 = f32x4.splat(0);
  let acc1 = f32x4.splat(0);
  let acc2 = f32x4.splat(0);
  let acc3 = f32x4.splat(0);
  for (let c = 0; c < C; c += 32) {
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    const end = min(c + 32, C);
    let k = c;
    for (; k <= end - 4; k += 4) {
      const at = <usize>k << 2;
      const xs = v128.load(x + at);
      p0 = f32x4.add(p0, f32x4.mul(xs, v128.load(w0 + at)));
      p1 = f32x4.add(p1, f32x4.mul(xs, v128.load(w1 + at)));
      p2 = f32x4.add(p2, f32x4.mul(xs, v128.load(w2 + at)));
      p3 = f32x4.add(p3, f32x4.mul(xs, v128.load(w3 + at)));
    }
    if (k < end) {
      const at = <usize>k << 2;
      const left = end - k;
      const xs = loadF32(x + at, left);
      p0 = f32x4.add(p0, f32x4.mul(xs, loadF32(w0 + at, left)));
      p1 = f32x4.add(p1, f32x4.mul(xs, loadF32(w1 + at, left)));
      p2 = f32x4.add(p2, f32x4.mul(xs, loadF32(w2 + at, left)));
      p3 = f32x4.add(p3, f32x4.mul(xs, loadF32(w3 + at, left)));
    }
    acc0 = f32x4.add(acc0, p0);
    acc1 = f32x4.add(acc1, p1);
    acc2 = f32x4.add(acc2, p2);
    acc3 = f32x4.add(acc3, p3);
  }
  storeF32(out, totals(acc0, acc1, acc2, acc3), rows);
}

/** Lane i: the {@link total} of vector i. */
function totals(a: v128, b: v128, c: v128, d: v128): v128 {
  let sums = f32x4.splat(total(a));
  sums = f32x4.replace_lane(sums, 1, total(b));
  sums = f32x4.replace_lane(sums, 2, total(c));
  return f32x4.replace_lane(sums, 3, total(d));
}

/** (lane 0 + lane 1) + (lane 2 + lane 3) */
function total(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

// ── q4, q4z and q8 weights ──

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
