import { maxOfEach, splatLane, storeTransposed } from "./lanes";
import { clearRows } from "./load-rows";
import { roundEight } from "./round";
import { scaleNearest, scaleToF32, storeScales } from "./scale";

/**
 * 4 rows × 32 weights to their half (rows 0-3 or 4-7) of a q4 block. A lane of 32 bits is a row throughout:
 *
 *   x       f32 [4, 32], row-major
 *   X       the same as i16 in ±512, two neighbours a lane: | row 0: k, k+1 | row 1 | row 2 | row 3 |, 16 such vectors
 *   search  for each candidate K: q = (X · K) / 2^15 rounded (q15mulr), clamped; S += q · X, N += q · q (dot of pairs, i32 lanes = rows)
 *   block   nibbles of 8 neighbours a lane, by transposing 4 rows × 4 chunks
 *
 * Same bytes as quantizeQ4 for each row. Rows with a weight that is not finite or ≥ 2^19 get scale NaN; x is overwritten for those.
 * @param out the block's byte 16 (rows 0-3) or 32 (rows 4-7): vectors lie 32 bytes apart
 * @param scales where the four f16 go
 * @param x f32 [4, 32], aligned to 16
 * @param X 416 bytes of scratch, aligned to 16: the pairs, and two sums for each of the five candidates
 */
export function packHalfQ4(out: usize, scales: usize, x: usize, X: usize): void {
  // The greatest and the least of each row, as magnitudes in integer order of float32 bits; a negative one stands for "none".
  const high = maxOfEach(greatest(x, 0), greatest(x + 128, 0), greatest(x + 256, 0), greatest(x + 384, 0));
  const low = maxOfEach(greatest(x, SIGN), greatest(x + 128, SIGN), greatest(x + 256, SIGN), greatest(x + 384, SIGN));
  const top = i32x4.max_s(high, low);
  const bad = i32x4.ge_s(top, i32x4.splat(0x49000000)); // 2^19
  if (v128.any_true(bad)) clearRows(x, i32x4.bitmask(bad));
  const zero = i32x4.le_s(top, i32x4.splat(0x33000000)); // 2^-25
  const skip = v128.or(bad, zero);
  // t = -512 / m; the lanes that are skipped take m = 1, so that nothing there becomes NaN.
  const m = v128.or(top, v128.and(i32x4.gt_s(low, high), i32x4.splat(SIGN)));
  const t = f32x4.div(f32x4.splat(-512), v128.bitselect(f32x4.splat(1), m, skip));

  storeX(X, x, t);
  const step = search(X);

  const s = scaleNearest(f32x4.div(step, t));
  const r = v128.andnot(f32x4.div(f32x4.splat(1), scaleToF32(s)), skip);
  storeScales(scales, v128.bitselect(i32x4.splat(0x7e00), v128.andnot(s, zero), bad));
  storeNibbles(out, x, r);
}

const SIGN: i32 = 0x80000000;

/** The largest of 32 float32 (of their negatives, with `flip` = SIGN) in integer order, spread over four lanes. */
// @ts-ignore: decorator
@inline
function greatest(x: usize, flip: i32): v128 {
  const sign = i32x4.splat(flip);
  let top = v128.xor(v128.load(x), sign);
  for (let i: usize = 16; i < 128; i += 16) top = i32x4.max_s(top, v128.xor(v128.load(x + i), sign));
  return top;
}

/** X = x · t rounded to i16, 4 rows × 32, stored in pairs of neighbours: the vector of pair p lies at X + 16 p. */
// @ts-ignore: decorator
@inline
function storeX(X: usize, x: usize, t: v128): void {
  const ta = splatLane(t, 0);
  const tb = splatLane(t, 1);
  const tc = splatLane(t, 2);
  const td = splatLane(t, 3);
  for (let k: usize = 0; k < 128; k += 32, X += 64, x += 32) {
    storeTransposed(X, 16, roundEight(x, ta, 0), roundEight(x + 128, tb, 0), roundEight(x + 256, tc, 0), roundEight(x + 384, td, 0));
  }
}

/** For each row the scale, in units of X, of the candidate with the least error: the largest S² / N, the first among equals. */
// @ts-ignore: decorator
@inline
function search(X: usize): v128 {
  const sums = X + 256;
  tally(sums, X, 456);
  tally(sums + 32, X, 496);
  tally(sums + 64, X, 512);
  tally(sums + 96, X, 532);
  tally(sums + 128, X, 560);
  let best = f32x4.splat(-1);
  let step = f32x4.splat(0);
  for (let at = sums; at < sums + 160; at += 32) {
    const s = f32x4.convert_i32x4_s(v128.load(at));
    const n = f32x4.convert_i32x4_s(v128.load(at, 16));
    const score = f32x4.div(f32x4.mul(s, s), n);
    const better = f32x4.gt(score, best);
    best = v128.bitselect(score, best, better);
    step = v128.bitselect(f32x4.div(s, n), step, better);
  }
  return step;
}

/** S = Σ q X and N = Σ q² of each row, i32 [2, 4], for the candidate K. */
function tally(out: usize, X: usize, K: i16): void {
  const k = i16x8.splat(K);
  const least = i16x8.splat(-8);
  const most = i16x8.splat(7);
  let S = i32x4.splat(0);
  let N = i32x4.splat(0);
  for (const end = X + 256; X < end; X += 16) {
    const v = v128.load(X);
    const q = i16x8.min_s(i16x8.max_s(i16x8.q15mulr_sat_s(v, k), least), most);
    S = i32x4.add(S, i32x4.dot_i16x8_s(q, v));
    N = i32x4.add(N, i32x4.dot_i16x8_s(q, q));
  }
  v128.store(out, S);
  v128.store(out, N, 16);
}

/** The nibbles of 4 rows × 32: n = x · r rounded, clamped to -8 … 7, plus 8. */
// @ts-ignore: decorator
@inline
function storeNibbles(out: usize, x: usize, r: v128): void {
  const ra = splatLane(r, 0);
  const rb = splatLane(r, 1);
  const rc = splatLane(r, 2);
  const rd = splatLane(r, 3);
  for (let half: usize = 0; half < 2; half++, x += 64, out += 64) {
    const ab = pairs(sixteen(x, ra), sixteen(x + 128, rb));
    const cd = pairs(sixteen(x + 256, rc), sixteen(x + 384, rd));
    v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(out, v128.shuffle<i64>(ab, cd, 1, 3), 32);
  }
}

/** Sixteen nibbles of one row, a byte each: | k 0-3 | 4-7 | 8-11 | 12-15 |. */
// @ts-ignore: decorator
@inline
function sixteen(x: usize, r: v128): v128 {
  return i8x16.min_u(i8x16.narrow_i16x8_u(roundEight(x, r, 8), roundEight(x + 32, r, 8)), i8x16.splat(15));
}

/** Two rows a, b of sixteen nibbles: | a 0-3, 4-7 | b 0-3, 4-7 | a 8-11, 12-15 | b 8-11, 12-15 |, the second four in the high halves. */
// @ts-ignore: decorator
@inline
function pairs(a: v128, b: v128): v128 {
  const high = i64x2.shr_u(a, 28); // moves k 4-7 from the upper half of 64 bits onto the lower, four bits up
  const low = i64x2.shr_u(b, 28);
  return v128.shuffle<i32>(v128.or(a, high), v128.or(b, low), 0, 4, 2, 6);
}
