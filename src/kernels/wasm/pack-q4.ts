import { scaleNearest, scaleToF32, storeScales } from "./scale";

// Constants that loops need are loaded from memory, as f16.ts says.
/** f32 × 4: 1.5 · 2^23, which leaves the nearest integer, ties to even, in the low half of a sum; and the same plus 8. */
const ROUND = memory.data<f32>([12582912, 12582912, 12582912, 12582912], 16);
const ROUND_PLUS_8 = memory.data<f32>([12582920, 12582920, 12582920, 12582920], 16);
/** i16 × 8 */
const N7 = memory.data<i16>([7, 7, 7, 7, 7, 7, 7, 7], 16);
const N_8 = memory.data<i16>([-8, -8, -8, -8, -8, -8, -8, -8], 16);
const N15 = memory.data<i16>([15, 15, 15, 15, 15, 15, 15, 15], 16);
const N31 = memory.data<i16>([31, 31, 31, 31, 31, 31, 31, 31], 16);
const N32 = memory.data<i16>([32, 32, 32, 32, 32, 32, 32, 32], 16);
const N35 = memory.data<i16>([35, 35, 35, 35, 35, 35, 35, 35], 16);
const N57 = memory.data<i16>([57, 57, 57, 57, 57, 57, 57, 57], 16);
const N532 = memory.data<i16>([532, 532, 532, 532, 532, 532, 532, 532], 16);
const N1024 = memory.data<i16>([1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024], 16);
const N2048 = memory.data<i16>([2048, 2048, 2048, 2048, 2048, 2048, 2048, 2048], 16);

/**
 * 4 rows × 32 weights to their half (rows 0-3 or 4-7) of a q4 block. A lane of 32 bits is a row throughout:
 *
 *   x       f32 [32, 4], input by input: | row 0 | row 1 | row 2 | row 3 |
 *   X       the same as i16 in ±512, two neighbours a lane: | row 0: k, k+1 | row 1 | row 2 | row 3 |, 16 such vectors
 *   search  for each candidate K: q = (X · K) / 2^15 rounded, clamped; S += q · X, N += q · q (dot of pairs, i32 lanes = rows)
 *   block   nibbles in pairs as X is, shifted together: 8 neighbours a lane
 *
 * Same bytes as quantizeQ4 for each row. Rows with a weight that is not finite or ≥ 2^19 get scale NaN; x is overwritten for those.
 * @param out the block's byte 16 (rows 0-3) or 32 (rows 4-7): vectors lie 32 bytes apart
 * @param scales where the four f16 go
 * @param x aligned to 16
 * @param X 256 bytes of scratch, aligned to 16: the pairs
 */
export function packHalfQ4(out: usize, scales: usize, x: usize, X: usize): void {
  // The greatest and the least of each row. As signed integers float32 bits have the greatest positive number on top, as unsigned ones the
  // negative one of greatest magnitude; where there is none of a sign, the magnitude comes out as a negative integer.
  let high = v128.load(x);
  let low = high;
  for (let i: usize = 0; i < 512; i += 128) {
    for (let j: usize = i; j < i + 128; j += 16) {
      const v = v128.load(x + j);
      high = i32x4.max_s(high, v);
      low = i32x4.max_u(low, v);
    }
  }
  low = v128.xor(low, i32x4.splat(SIGN));
  const top = i32x4.max_s(high, low);
  const bad = i32x4.ge_s(top, i32x4.splat(0x49000000)); // 2^19
  if (v128.any_true(bad)) clearRows(x, bad);
  const zero = i32x4.le_s(top, i32x4.splat(0x33000000)); // 2^-25
  const skip = v128.or(bad, zero);
  // t = -512 / m; the lanes that are skipped take m = 1, so that nothing there becomes NaN.
  const m = v128.or(top, v128.and(i32x4.gt_s(low, high), i32x4.splat(SIGN)));
  const t = f32x4.div(f32x4.splat(-512), v128.bitselect(f32x4.splat(1), m, skip));

  const step = search(X, x, t);

  const s = scaleNearest(f32x4.div(step, t));
  const r = v128.andnot(f32x4.div(f32x4.splat(1), scaleToF32(s)), skip);
  storeScales(scales, v128.bitselect(i32x4.splat(0x7e00), v128.andnot(s, zero), bad));
  for (let i: usize = 0; i < 4; i++, x += 128, out += 32) v128.store(out, nibbles(x, r));
}

const SIGN: i32 = 0x80000000;

/** Zeros in the lanes of x, f32 [32, 4], that are set in `rows`. */
function clearRows(x: usize, rows: v128): void {
  for (const end = x + 512; x < end; x += 16) v128.store(x, v128.andnot(v128.load(x), rows));
}

/** Two neighbours f32 × 4 at `x`, each · r + round, in pairs: the low halves of their bits as i16 × 8. */
// @ts-ignore: decorator
@inline
function pair(x: usize, r: v128, round: v128): v128 {
  const a = f32x4.add(f32x4.mul(v128.load(x), r), round);
  const b = f32x4.add(f32x4.mul(v128.load(x, 16), r), round);
  return v128.shuffle<i16>(a, i32x4.shl(b, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

/**
 * For each row the scale, in units of X, of the candidate with the least error: the largest S² / N, the first among equals; S = Σ q X and
 * N = Σ q² of each row, i32 × 4. X = x · t rounded is stored on the way.
 *
 * X is within ±512, so q is within ±7 for K = 456, above -9 up to K = 532, and has to be held at both ends for K = 560 only. Where K is a small
 * number n · 2^i, X · n fits an i16, and (X · K + 2^14) >> 15 is (X · n + 2^(14 - i)) >> (15 - i); x64 has no q15mulr, which WebAssembly makes of
 * five instructions there. Three candidates and then two share their loads: more would not fit 16 registers.
 */
// @ts-ignore: decorator
@inline
function search(X: usize, x: usize, t: v128): v128 {
  const end = X + 256;
  const round = v128.load(ROUND);
  for (let at = X; at < end; at += 32, x += 64) {
    v128.store(at, pair(x, t, round));
    v128.store(at, pair(x + 32, t, round), 16);
  }
  const most = v128.load(N7);
  let Sa = i32x4.splat(0), Sb = i32x4.splat(0), Sc = i32x4.splat(0);
  let Na = i32x4.splat(0), Nb = i32x4.splat(0), Nc = i32x4.splat(0);
  {
    const n57 = v128.load(N57), n2048 = v128.load(N2048);
    const n31 = v128.load(N31), n1024 = v128.load(N1024), n32 = v128.load(N32);
    for (let at = X; at < end; at += 16) {
      const v = v128.load(at);
      const a = i16x8.shr_s(i16x8.add(i16x8.mul(v, n57), n2048), 12); // 456
      Sa = i32x4.add(Sa, i32x4.dot_i16x8_s(a, v));
      Na = i32x4.add(Na, i32x4.dot_i16x8_s(a, a));
      const b = i16x8.min_s(i16x8.shr_s(i16x8.add(i16x8.mul(v, n31), n1024), 11), most); // 496
      Sb = i32x4.add(Sb, i32x4.dot_i16x8_s(b, v));
      Nb = i32x4.add(Nb, i32x4.dot_i16x8_s(b, b));
      const c = i16x8.min_s(i16x8.shr_s(i16x8.add(v, n32), 6), most); // 512
      Sc = i32x4.add(Sc, i32x4.dot_i16x8_s(c, v));
      Nc = i32x4.add(Nc, i32x4.dot_i16x8_s(c, c));
    }
  }
  let Sd = i32x4.splat(0), Se = i32x4.splat(0);
  let Nd = i32x4.splat(0), Ne = i32x4.splat(0);
  {
    const n532 = v128.load(N532);
    const n35 = v128.load(N35), n1024 = v128.load(N1024), least = v128.load(N_8);
    for (let at = X; at < end; at += 16) {
      const v = v128.load(at);
      const d = i16x8.min_s(i16x8.q15mulr_sat_s(v, n532), most);
      Sd = i32x4.add(Sd, i32x4.dot_i16x8_s(d, v));
      Nd = i32x4.add(Nd, i32x4.dot_i16x8_s(d, d));
      const e = i16x8.max_s(i16x8.min_s(i16x8.shr_s(i16x8.add(i16x8.mul(v, n35), n1024), 11), most), least); // 560
      Se = i32x4.add(Se, i32x4.dot_i16x8_s(e, v));
      Ne = i32x4.add(Ne, i32x4.dot_i16x8_s(e, e));
    }
  }

  let best = score(Sa, Na), S = Sa, N = Na;
  let next = score(Sb, Nb), better = f32x4.gt(next, best);
  best = v128.bitselect(next, best, better);
  S = v128.bitselect(Sb, S, better);
  N = v128.bitselect(Nb, N, better);
  next = score(Sc, Nc);
  better = f32x4.gt(next, best);
  best = v128.bitselect(next, best, better);
  S = v128.bitselect(Sc, S, better);
  N = v128.bitselect(Nc, N, better);
  next = score(Sd, Nd);
  better = f32x4.gt(next, best);
  best = v128.bitselect(next, best, better);
  S = v128.bitselect(Sd, S, better);
  N = v128.bitselect(Nd, N, better);
  better = f32x4.gt(score(Se, Ne), best);
  S = v128.bitselect(Se, S, better);
  N = v128.bitselect(Ne, N, better);
  return f32x4.div(f32x4.convert_i32x4_s(S), f32x4.convert_i32x4_s(N));
}

/** S² / N */
// @ts-ignore: decorator
@inline
function score(S: v128, N: v128): v128 {
  const s = f32x4.convert_i32x4_s(S);
  return f32x4.div(f32x4.mul(s, s), f32x4.convert_i32x4_s(N));
}

/**
 * The nibbles of 4 rows × 8 neighbours, a lane each: n = x · r rounded, clamped to -8 … 7, plus 8.
 *
 *     in pairs       - n0 - n1     - n2 - n3     - n4 - n5     - n6 - n7      (bytes of a lane, the last one on the left)
 *     a, b           - n1n5 - n0n4               - n3n7 - n2n6
 *     a | a >> 8     ·  · n1n5 n0n4              the same of b: its low half moves up
 */
// @ts-ignore: decorator
@inline
function nibbles(x: usize, r: v128): v128 {
  const round = v128.load(ROUND_PLUS_8);
  const a = v128.or(clamped(x, r, round), i32x4.shl(clamped(x + 64, r, round), 4));
  const b = v128.or(clamped(x + 32, r, round), i32x4.shl(clamped(x + 96, r, round), 4));
  const low = v128.or(a, i32x4.shr_u(a, 8));
  const high = v128.or(b, i32x4.shr_u(b, 8));
  return v128.shuffle<i16>(low, i32x4.shl(high, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

/** A pair, clamped to 0 … 15. */
// @ts-ignore: decorator
@inline
function clamped(x: usize, r: v128, round: v128): v128 {
  return i16x8.min_s(i16x8.max_s(pair(x, r, round), i16x8.splat(0)), v128.load(N15));
}
