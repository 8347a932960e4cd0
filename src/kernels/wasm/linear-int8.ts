import { f16x4ToF32x4 } from "./f16";
import { blockBytes, chunkBytes, Q4 } from "./layout";
import { storeF32 } from "./vectors";

/** i16 × 8: the bits of a nibble. */
const NIBBLE = memory.data<i16>([15, 15, 15, 15, 15, 15, 15, 15], 16);

/**
 * out f32 [T, N] = x · Wᵀ, x int8 rows (pairs i16 [T, 32 G], scale f32 [T, G], sum i32 [T, G]), W q4 or q8 [N, 32 G].
 *
 * Lanes: an i32 lane is an output row. dot_i16x8 sums two products in each, so weights become i16 pairs, in the order in which `pairs`
 * holds the activations; 8 inputs of 4 rows make four operands:
 *
 *     inputs                (k+0, k+2)    (k+4, k+6)    (k+1, k+3)    (k+5, k+7)
 *     q4, bits of an i32    19-16, 3-0    23-20, 7-4    27-24, 11-8   31-28, 15-12      shift right, mask
 *     q8, bytes of an i32   2, 0          2, 0 of k+4   3, 1          3, 1 of k+4       sign-extend
 *
 * The offset of q4's nibbles is -8 · sum, the start value of the integer sum. Tiles: 8 rows × 4 tokens, whose unpacked weights serve four
 * times, then 8 × 1. Every tile sums a (row, token) in the same order, so it does not change the bits.
 * Rows past N are computed from the padding and not stored. Alignment: W 16 bytes, others 4.
 */
export function linearInt8(
  out: usize, pairs: usize, scale: usize, sum: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
): void {
  if (format == Q4) linear<u8>(out, pairs, scale, sum, w, T, N, G);
  else linear<i8>(out, pairs, scale, sum, w, T, N, G);
}

function linear<W>(
  out: usize, pairs: usize, scale: usize, sum: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  for (let n = 0; n < N; n += 8) {
    let t = 0;
    for (; t < T; ) {
      const to = out + (<usize>(t * N + n) << 2);
      const group = <usize>(t * G) << 2; // byte offset in scale and sum
      if (t + 4 <= T) {
        tile4<W>(to, pairs + (group << 4), scale + group, sum + group, w, N, n, G);
        t += 4;
      } else {
        tile1<W>(to, pairs + (group << 4), scale + group, sum + group, w, N, n, G);
        t += 1;
      }
    }
    w += <usize>G * blockBytes<W>();
  }
}

// ── the four operands of 8 inputs of 4 rows: x holds all of q4's, or the first 4 inputs of q8's, of which y holds the others ──

// @ts-ignore: decorator
@inline
function pair02<W>(x: v128, nibble: v128): v128 {
  return isSigned<W>() ? i16x8.shr_s(i16x8.shl(x, 8), 8) : v128.and(x, nibble);
}
// @ts-ignore: decorator
@inline
function pair46<W>(x: v128, y: v128, nibble: v128): v128 {
  return isSigned<W>() ? i16x8.shr_s(i16x8.shl(y, 8), 8) : v128.and(i16x8.shr_u(x, 4), nibble);
}
// @ts-ignore: decorator
@inline
function pair13<W>(x: v128, nibble: v128): v128 {
  return isSigned<W>() ? i16x8.shr_s(x, 8) : v128.and(i16x8.shr_u(x, 8), nibble);
}
// @ts-ignore: decorator
@inline
function pair57<W>(x: v128, y: v128): v128 {
  return isSigned<W>() ? i16x8.shr_s(y, 8) : i16x8.shr_u(x, 12);
}
// @ts-ignore: decorator
@inline
function second<W>(w: usize, x: v128): v128 {
  return isSigned<W>() ? v128.load(w, 32) : x;
}

/** Four rows × 8 inputs: the four operands times their activations, splat to all rows. */
// @ts-ignore: decorator
@inline
function dot(w0: v128, w1: v128, w2: v128, w3: v128, a0: v128, a1: v128, a2: v128, a3: v128): v128 {
  return i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(w0, a0), i32x4.dot_i16x8_s(w1, a1)),
    i32x4.add(i32x4.dot_i16x8_s(w2, a2), i32x4.dot_i16x8_s(w3, a3)),
  );
}

/** The same with the 8 activations in one vector, which is how V8 spills least when there are four tokens. */
// @ts-ignore: decorator
@inline
function dotOf(w0: v128, w1: v128, w2: v128, w3: v128, a: v128): v128 {
  return dot(
    w0, w1, w2, w3,
    v128.shuffle<i32>(a, a, 0, 0, 0, 0),
    v128.shuffle<i32>(a, a, 1, 1, 1, 1),
    v128.shuffle<i32>(a, a, 2, 2, 2, 2),
    v128.shuffle<i32>(a, a, 3, 3, 3, 3),
  );
}

// @ts-ignore: decorator
@inline
function start<W>(sum: usize): v128 {
  return i32x4.splat(isSigned<W>() ? 0 : -8 * load<i32>(sum));
}

/** acc + f32(isum) · (weight scale · activation scale) */
// @ts-ignore: decorator
@inline
function addGroup(acc: v128, isum: v128, ws: v128, as: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(isum), f32x4.mul(ws, as)));
}

/** 8 rows × 1 token. */
function tile1<W>(
  out: usize, pairs: usize, scale: usize, sum: usize, w: usize, N: i32, n: i32, G: i32,
): void {
  const nibble = v128.load(NIBBLE);
  let lo = f32x4.splat(0); // rows n … n+3
  let hi = f32x4.splat(0); // rows n+4 … n+7
  for (let g = 0; g < G; g++) {
    const scales = w;
    let isumLo = start<W>(sum);
    let isumHi = isumLo;
    w += 16;
    for (const end = pairs + 64; pairs < end; pairs += 16) {
      const a0 = v128.load32_splat(pairs);
      const a1 = v128.load32_splat(pairs, 4);
      const a2 = v128.load32_splat(pairs, 8);
      const a3 = v128.load32_splat(pairs, 12);
      const x = v128.load(w);
      const y = second<W>(w, x);
      isumLo = i32x4.add(
        isumLo,
        dot(pair02<W>(x, nibble), pair46<W>(x, y, nibble), pair13<W>(x, nibble), pair57<W>(x, y), a0, a1, a2, a3),
      );
      const u = v128.load(w, 16);
      const v = second<W>(w + 16, u);
      isumHi = i32x4.add(
        isumHi,
        dot(pair02<W>(u, nibble), pair46<W>(u, v, nibble), pair13<W>(u, nibble), pair57<W>(u, v), a0, a1, a2, a3),
      );
      w += chunkBytes<W>();
    }
    const s = v128.load32_splat(scale);
    lo = addGroup(lo, isumLo, f16x4ToF32x4(scales), s);
    hi = addGroup(hi, isumHi, f16x4ToF32x4(scales + 8), s);
    scale += 4;
    sum += 4;
  }
  storeRow(out, lo, hi, N - n);
}

/** 8 rows × 4 tokens. */
function tile4<W>(
  out: usize, pairs: usize, scale: usize, sum: usize, w: usize, N: i32, n: i32, G: i32,
): void {
  const next = <usize>G << 2; // bytes from one token's scale and sum to the next's
  let pairs1 = pairs + (next << 4);
  let pairs2 = pairs1 + (next << 4);
  let pairs3 = pairs2 + (next << 4);
  const nibble = v128.load(NIBBLE);
  let lo0 = f32x4.splat(0); // token t, rows n … n+3
  let hi0 = f32x4.splat(0); // token t, rows n+4 … n+7
  let lo1 = f32x4.splat(0); // token t+1 …
  let hi1 = f32x4.splat(0);
  let lo2 = f32x4.splat(0);
  let hi2 = f32x4.splat(0);
  let lo3 = f32x4.splat(0);
  let hi3 = f32x4.splat(0);
  for (let g = 0; g < G; g++) {
    const scales = w;
    let isumLo0 = start<W>(sum);
    let isumHi0 = isumLo0;
    let isumLo1 = start<W>(sum + next);
    let isumHi1 = isumLo1;
    let isumLo2 = start<W>(sum + 2 * next);
    let isumHi2 = isumLo2;
    let isumLo3 = start<W>(sum + 3 * next);
    let isumHi3 = isumLo3;
    w += 16;
    for (const end = pairs + 64; pairs < end; pairs += 16) {
      const x = v128.load(w);
      const y = second<W>(w, x);
      const u = v128.load(w, 16);
      const v = second<W>(w + 16, u);
      const w0 = pair02<W>(x, nibble);
      const w1 = pair46<W>(x, y, nibble);
      const w2 = pair13<W>(x, nibble);
      const w3 = pair57<W>(x, y);
      const v0 = pair02<W>(u, nibble);
      const v1 = pair46<W>(u, v, nibble);
      const v2 = pair13<W>(u, nibble);
      const v3 = pair57<W>(u, v);
      const a0 = v128.load(pairs);
      isumLo0 = i32x4.add(isumLo0, dotOf(w0, w1, w2, w3, a0));
      isumHi0 = i32x4.add(isumHi0, dotOf(v0, v1, v2, v3, a0));
      const a1 = v128.load(pairs1);
      isumLo1 = i32x4.add(isumLo1, dotOf(w0, w1, w2, w3, a1));
      isumHi1 = i32x4.add(isumHi1, dotOf(v0, v1, v2, v3, a1));
      const a2 = v128.load(pairs2);
      isumLo2 = i32x4.add(isumLo2, dotOf(w0, w1, w2, w3, a2));
      isumHi2 = i32x4.add(isumHi2, dotOf(v0, v1, v2, v3, a2));
      const a3 = v128.load(pairs3);
      isumLo3 = i32x4.add(isumLo3, dotOf(w0, w1, w2, w3, a3));
      isumHi3 = i32x4.add(isumHi3, dotOf(v0, v1, v2, v3, a3));
      pairs1 += 16;
      pairs2 += 16;
      pairs3 += 16;
      w += chunkBytes<W>();
    }
    const sLo = f16x4ToF32x4(scales);
    const sHi = f16x4ToF32x4(scales + 8);
    const s0 = v128.load32_splat(scale);
    lo0 = addGroup(lo0, isumLo0, sLo, s0);
    hi0 = addGroup(hi0, isumHi0, sHi, s0);
    const s1 = v128.load32_splat(scale + next);
    lo1 = addGroup(lo1, isumLo1, sLo, s1);
    hi1 = addGroup(hi1, isumHi1, sHi, s1);
    const s2 = v128.load32_splat(scale + 2 * next);
    lo2 = addGroup(lo2, isumLo2, sLo, s2);
    hi2 = addGroup(hi2, isumHi2, sHi, s2);
    const s3 = v128.load32_splat(scale + 3 * next);
    lo3 = addGroup(lo3, isumLo3, sLo, s3);
    hi3 = addGroup(hi3, isumHi3, sHi, s3);
    scale += 4;
    sum += 4;
  }
  const row = <usize>N << 2;
  storeRow(out, lo0, hi0, N - n);
  storeRow(out + row, lo1, hi1, N - n);
  storeRow(out + 2 * row, lo2, hi2, N - n);
  storeRow(out + 3 * row, lo3, hi3, N - n);
}

function storeRow(out: usize, lo: v128, hi: v128, n: i32): void {
  storeF32(out, lo, n);
  storeF32(out + 16, hi, n - 4);
}
