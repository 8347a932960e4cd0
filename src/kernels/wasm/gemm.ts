import { dotAdd, finish, startAt } from "./dot";
import { first4, last4, topHalves } from "./f16";
import { addGroup, bytes02, bytes13, firstZeros, lastZeros, moveZeros, NIBBLE_16, NIBBLES, scaledUp, storeSums } from "./int8-tile";
import { blockBytes, hasZeros, rowGroupBytes, scalesAt, weightBytes } from "./layout";

/** u8 × 16: the sign bit of an int8. */
const SIGNS = memory.data<u8>([128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128], 16);

/** Quads of tokens that share unpacked weights. */
export const QUADS: i32 = 32;

/** Bytes of unpacked weights: 32 groups in the relaxed forms of q4, fewer in others. */
export const UNPACKED: usize = 32 * 288;

/** Bytes of scratch: unpacked weights, then the sums of 8 rows × all tokens, f32 [QUADS, 4, 8]. */
export const GEMM_SCRATCH: usize = UNPACKED + <usize>QUADS * 128;

/**
 * Tokens by fours: out f32 [4 · quads, N], of it the rows of blocks begin … end - 1. x is the quads' operand (kernels.ts, Int8Rows):
 * `pairs` in the form PAIRS, otherwise `q`.
 *
 * Weights of 8 rows are unpacked once for all tokens, up to 32 groups of them, which the first-level cache holds: first the operands of the dot
 * product, then a tile of 8 rows × 4 tokens walks over them for each quad. Unpacked, a group is
 *
 *     f32 scales of rows 0-3 | of rows 4-7 | for each step: an operand of rows 0-3 | of rows 4-7 | of q4z, its zero points as pairs of i16: of rows 0-3 | of rows 4-7
 *
 * and a step is 4 inputs, or 2 in the form PAIRS. q8 in the form WIDE: its upper nibbles' steps, then the lower ones'; an int8 is
 * 16 (u - 8) + l with u and l of 0 … 15, so that the sums of the upper nibbles, times 16, are where those of the lower ones begin. (w & 0x7f and
 * the sign bit as the two planes are as fast: both have 16 steps.)
 */
export function gemm<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, quads: i32, N: i32, G: i32, scratch: usize, begin: i32, end: i32,
): void {
  const groups = <i32>(UNPACKED / unpackedBytes<W, D>());
  const sums = scratch + UNPACKED;
  const stop = w + <usize>end * rowGroupBytes<W>(G);
  w += <usize>begin * rowGroupBytes<W>(G);
  for (let n = begin << 3; n < end << 3; n += 8) {
    for (let first = 0; first < quads; first += QUADS) {
      const last = min(first + QUADS, quads);
      clear(sums, last - first);
      for (let g = 0; g < G; g += groups) {
        const some = min(groups, G - g);
        const block = w + <usize>g * blockBytes<W>();
        const bytes = <usize>some * blockBytes<W>();
        unpack<W, D>(scratch, block, some);
        for (let quad = first; quad < last; quad++) {
          const group = <usize>(quad * G + g);
          const to = sums + (<usize>(quad - first) << 7);
          const from = x + group * inputBytes<D>();
          const s = scale + (group << 4);
          const ahead = aheadOf(block + bytes, quad - first, some, bytes, stop);
          tile<W, D>(to, from, s, offset + (group << 5), scratch, some, ahead - s);
        }
      }
      store8(out, sums, N, n, first << 2, last << 2);
    }
    w += rowGroupBytes<W>(G);
  }
}

/**
 * Where the tile of the i-th quad begins to touch the weights that are unpacked next, 16 bytes further with each of its groups. Unpacking reads
 * a few kilobytes at once and then nothing for long: a processor's own prefetching begins anew each time, and WebAssembly has no instruction for it.
 * What is touched is within the `bytes` from `next` on that this piece's groups take, and before `stop`, where the weights end.
 */
// @ts-ignore: decorator
@inline
export function aheadOf(next: usize, i: i32, groups: i32, bytes: usize, stop: usize): usize {
  const touched = <usize>groups << 4;
  return min(next + min(<usize>i * touched, bytes - touched), stop - touched);
}

/** Bytes of an unpacked group without zero points. */
// @ts-ignore: decorator
@inline
function plainBytes<W, D>(): usize {
  return isSigned<W>() || !isSigned<D>() ? 544 : 288;
}

/** Bytes of an unpacked group. */
// @ts-ignore: decorator
@inline
function unpackedBytes<W, D>(): usize {
  return plainBytes<W, D>() + (hasZeros<W>() ? 32 : 0);
}

/** Bytes of a group of the four tokens of a quad. */
// @ts-ignore: decorator
@inline
function inputBytes<D>(): usize {
  return isSigned<D>() ? 128 : 256;
}

function clear(sums: usize, quads: i32): void {
  for (const end = sums + (<usize>quads << 7); sums < end; sums += 16) v128.store(sums, f32x4.splat(0));
}

/** 8 rows from n of tokens t … end - 1. */
function store8(out: usize, sums: usize, N: i32, n: i32, t: i32, end: i32): void {
  for (; t < end; t++, sums += 32) {
    storeSums(out + (<usize>(t * N + n) << 2), sums, v128.load(sums), v128.load(sums, 16), N - n);
  }
}

/** `groups` blocks, from w, to operands. */
function unpack<W, D>(to: usize, w: usize, groups: i32): void {
  for (const last = w + <usize>groups * blockBytes<W>(); w < last; ) {
    if (hasZeros<W>()) {
      const z = v128.load_ext<i8>(w);
      v128.store(to + plainBytes<W, D>(), firstZeros(z));
      v128.store(to + plainBytes<W, D>(), lastZeros(z), 16);
      w += scalesAt<W>();
    }
    const h = v128.load(w);
    const top = topHalves(h);
    v128.store(to, scaledUp(first4(h, top)));
    v128.store(to, scaledUp(last4(h, top)), 16);
    const next = to + unpackedBytes<W, D>();
    to += 32;
    w += 16;
    for (const end = w + weightBytes<W>(); w < end; w += 32) {
      operands<W, D>(to, v128.load(w));
      operands<W, D>(to + 16, v128.load(w, 16));
      to += isSigned<W>() ? (isSigned<D>() ? 32 : 64) : isSigned<D>() ? 64 : 128;
    }
    to = next;
  }
}

/** The operands of a vector of 4 rows, each 32 bytes from the one before. */
// @ts-ignore: decorator
@inline
function operands<W, D>(to: usize, v: v128): void {
  if (isSigned<D>()) {
    const nibbles = v128.load(NIBBLES);
    const low = v128.and(v, nibbles);
    if (isSigned<W>()) {
      v128.store(to, v128.and(i16x8.shr_u(v128.xor(v, v128.load(SIGNS)), 4), nibbles)); // of inputs k … k+3
      v128.store(to, low, 256);
    } else {
      v128.store(to, low); // k … k+3
      v128.store(to, v128.and(i16x8.shr_u(v, 4), nibbles), 32); // k+4 … k+7
    }
  } else if (isSigned<W>()) {
    v128.store(to, bytes02(v)); // k, k+2
    v128.store(to, bytes13(v), 32); // k+1, k+3
  } else {
    const nibble = v128.load(NIBBLE_16);
    v128.store(to, v128.and(v, nibble)); // k, k+2
    v128.store(to, v128.and(i16x8.shr_u(v, 8), nibble), 32); // k+1, k+3
    v128.store(to, v128.and(i16x8.shr_u(v, 4), nibble), 64); // k+4, k+6
    v128.store(to, i16x8.shr_u(v, 12), 96); // k+5, k+7
  }
}

/** `groups` groups of 8 rows × 4 tokens more in the sums [4, 8] at acc. On the way it touches what is `ahead` of the scales ({@link aheadOf}). */
function tile<W, D>(acc: usize, x: usize, scale: usize, offset: usize, w: usize, groups: i32, ahead: usize): void {
  const width = inputBytes<D>() >> 2; // from token to token
  const planes = isSigned<W>() && isSigned<D>(); // of nibbles, as q8 has two of them
  let lo0 = v128.load(acc); // token 0, rows 0-3
  let hi0 = v128.load(acc, 16); // token 0, rows 4-7
  let lo1 = v128.load(acc, 32);
  let hi1 = v128.load(acc, 48);
  let lo2 = v128.load(acc, 64);
  let hi2 = v128.load(acc, 80);
  let lo3 = v128.load(acc, 96);
  let hi3 = v128.load(acc, 112);
  for (const last = w + <usize>groups * unpackedBytes<W, D>(); w < last; scale += 16, offset += 32) {
    const none = isSigned<W>() && !isSigned<D>(); // no offset
    let sumsLo0 = none ? i32x4.splat(0) : startAt<D>(offset);
    let sumsHi0 = sumsLo0;
    let sumsLo1 = none ? i32x4.splat(0) : startAt<D>(offset + 8);
    let sumsHi1 = sumsLo1;
    let sumsLo2 = none ? i32x4.splat(0) : startAt<D>(offset + 16);
    let sumsHi2 = sumsLo2;
    let sumsLo3 = none ? i32x4.splat(0) : startAt<D>(offset + 24);
    let sumsHi3 = sumsLo3;
    load<u8>(scale + ahead);
    const scales = w;
    w += 32;
    for (let plane = 0; ; plane++) {
      for (const end = x + width; x < end; x += 4, w += 32) {
        const lo = v128.load(w);
        const hi = v128.load(w, 16);
        const x0 = v128.load32_splat(x);
        sumsLo0 = dotAdd<D>(sumsLo0, lo, x0);
        sumsHi0 = dotAdd<D>(sumsHi0, hi, x0);
        const x1 = v128.load32_splat(x, isSigned<D>() ? 32 : 64);
        sumsLo1 = dotAdd<D>(sumsLo1, lo, x1);
        sumsHi1 = dotAdd<D>(sumsHi1, hi, x1);
        const x2 = v128.load32_splat(x, isSigned<D>() ? 64 : 128);
        sumsLo2 = dotAdd<D>(sumsLo2, lo, x2);
        sumsHi2 = dotAdd<D>(sumsHi2, hi, x2);
        const x3 = v128.load32_splat(x, isSigned<D>() ? 96 : 192);
        sumsLo3 = dotAdd<D>(sumsLo3, lo, x3);
        sumsHi3 = dotAdd<D>(sumsHi3, hi, x3);
      }
      if (!planes || plane == 1) break;
      x -= width;
      sumsLo0 = i32x4.shl(sumsLo0, 4);
      sumsHi0 = i32x4.shl(sumsHi0, 4);
      sumsLo1 = i32x4.shl(sumsLo1, 4);
      sumsHi1 = i32x4.shl(sumsHi1, 4);
      sumsLo2 = i32x4.shl(sumsLo2, 4);
      sumsHi2 = i32x4.shl(sumsHi2, 4);
      sumsLo3 = i32x4.shl(sumsLo3, 4);
      sumsHi3 = i32x4.shl(sumsHi3, 4);
    }
    x += 3 * width;
    sumsLo0 = finish<D>(sumsLo0);
    sumsHi0 = finish<D>(sumsHi0);
    sumsLo1 = finish<D>(sumsLo1);
    sumsHi1 = finish<D>(sumsHi1);
    sumsLo2 = finish<D>(sumsLo2);
    sumsHi2 = finish<D>(sumsHi2);
    sumsLo3 = finish<D>(sumsLo3);
    sumsHi3 = finish<D>(sumsHi3);
    if (hasZeros<W>()) {
      const zerosLo = v128.load(w);
      const zerosHi = v128.load(w, 16);
      w += 32;
      sumsLo0 = moveZeros(sumsLo0, zerosLo, v128.load32_splat(offset));
      sumsHi0 = moveZeros(sumsHi0, zerosHi, v128.load32_splat(offset));
      sumsLo1 = moveZeros(sumsLo1, zerosLo, v128.load32_splat(offset, 8));
      sumsHi1 = moveZeros(sumsHi1, zerosHi, v128.load32_splat(offset, 8));
      sumsLo2 = moveZeros(sumsLo2, zerosLo, v128.load32_splat(offset, 16));
      sumsHi2 = moveZeros(sumsHi2, zerosHi, v128.load32_splat(offset, 16));
      sumsLo3 = moveZeros(sumsLo3, zerosLo, v128.load32_splat(offset, 24));
      sumsHi3 = moveZeros(sumsHi3, zerosHi, v128.load32_splat(offset, 24));
    }
    const wsLo = v128.load(scales);
    const wsHi = v128.load(scales, 16);
    const s0 = v128.load32_splat(scale);
    lo0 = addGroup(lo0, sumsLo0, wsLo, s0);
    hi0 = addGroup(hi0, sumsHi0, wsHi, s0);
    const s1 = v128.load32_splat(scale, 4);
    lo1 = addGroup(lo1, sumsLo1, wsLo, s1);
    hi1 = addGroup(hi1, sumsHi1, wsHi, s1);
    const s2 = v128.load32_splat(scale, 8);
    lo2 = addGroup(lo2, sumsLo2, wsLo, s2);
    hi2 = addGroup(hi2, sumsHi2, wsHi, s2);
    const s3 = v128.load32_splat(scale, 12);
    lo3 = addGroup(lo3, sumsLo3, wsLo, s3);
    hi3 = addGroup(hi3, sumsHi3, wsHi, s3);
  }
  v128.store(acc, lo0);
  v128.store(acc, hi0, 16);
  v128.store(acc, lo1, 32);
  v128.store(acc, hi1, 48);
  v128.store(acc, lo2, 64);
  v128.store(acc, hi2, 80);
  v128.store(acc, lo3, 96);
  v128.store(acc, hi3, 112);
}
