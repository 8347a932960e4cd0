import { dotRows, dotRows2 } from "./dot-rows";
import { sumOfEach } from "./lanes";
import { paddedHead } from "./layout";
import { Pair, QUERY, SCORES } from "./online-softmax";
import { divisorOf, greatestBits, int16, scaleOf } from "./symmetric";
import { loadF32, storeF32 } from "./vectors";

// Attention over int8 keys and values, with the other factor as integers of 14 bits: both products are sums of integers, exact in i32.
//
//     score_j  = f32(Σ_d q̂_d · k̂_jd) · (key scale_j · (query scale · scale))        query scale = f32(max |q| / 8191)
//     w_j      = p_j · value scale_j                                                weight scale = f32(max w / 16383), of the block
//     out_d    = out_d · correction + f32(Σ_j ŵ_j · v̂_jd) · weight scale
//
// with x̂ = nearestEven(f32(x / its scale)). What these roundings add to the error of f32 attention: a score is off by at most query scale / 2 ·
// Σ_d |k_d| · scale, a result by Σ over the blocks of weight scale / 2 · Σ_j |v̂_j|, over the sum of all p: 64 times less than what int8 costs the
// keys and values themselves. 14 bits are two digits of 7 (q̂ + 8192 and ŵ are from 0 to 16383), as relaxed SIMD's products of i8 and i7 would take
// them. An infinity or NaN makes a scale NaN, and thus all that comes of it.

const QUERY_MOST: i16 = 8191;
const WEIGHT_MOST: i16 = 16383;
/** The same in all lanes, in memory as f16.ts says. */
const QUERY_MOST_8 = memory.data<i16>([8191, 8191, 8191, 8191, 8191, 8191, 8191, 8191], 16);
const WEIGHT_MOST_8 = memory.data<i16>([16383, 16383, 16383, 16383, 16383, 16383, 16383, 16383], 16);

/** The query f32 [dh] as i16 in the pair's record, zeros behind it up to a multiple of 8. */
export function quantizeQuery(p: Pair, q: usize, dh: i32, scale: f32): void {
  const s = scaleOf(greatestBits(q, dh), QUERY_MOST);
  const s4 = f32x4.splat(divisorOf(s));
  const most = v128.load(QUERY_MOST_8);
  let to = changetype<usize>(p) + QUERY;
  for (let d = 0; d < dh; d += 8, q += 32, to += 16) {
    v128.store(to, int16(loadF32(q, dh - d), loadF32(q + 16, dh - d - 4), s4, most));
  }
  p.queryScale = s * scale;
}

/** Scores of the keys from … to - 1 (multiples of 4) of up to two pairs (`other` may be null): k i8 [32, dh8], kScale f32 [32]. */
export function scoresInt8(p: Pair, other: Pair | null, k: usize, kScale: usize, dh: i32, from: i32, to: i32): void {
  const row = paddedHead(dh);
  const at = SCORES + (<usize>from << 2);
  const x = changetype<usize>(p);
  k += <usize>(from * row);
  kScale += <usize>from << 2;
  if (other) {
    const y = changetype<usize>(other);
    dotRows2(x + at, y + at, k, x + QUERY, y + QUERY, to - from, row);
    scaleScores(y + at, kScale, to - from, other.queryScale);
  } else {
    dotRows(x + at, k, x + QUERY, to - from, row);
  }
  scaleScores(x + at, kScale, to - from, p.queryScale);
}

/** n sums of integers to scores, in place. */
// @ts-ignore: decorator
@inline
function scaleScores(at: usize, kScale: usize, n: i32, queryScale: f32): void {
  const s = f32x4.splat(queryScale);
  for (const end = at + (<usize>n << 2); at < end; at += 16, kScale += 16) {
    v128.store(at, f32x4.mul(f32x4.convert_i32x4_s(v128.load(at)), f32x4.mul(v128.load(kScale), s)));
  }
}

/** p_j of the keys that the pair sees, times their values' scales, as i16 [32] in place; 0 for all other keys, whose scales may be NaN. */
export function quantizeWeights(p: Pair, vScale: usize): void {
  const w = changetype<usize>(p) + SCORES;
  for (let at: usize = 0; at < 128; at += 16) v128.store(w + at, f32x4.mul(v128.load(w + at), v128.load(vScale + at)));
  const first = w + (<usize>p.from << 2);
  for (let at = w; at < first; at += 4) store<f32>(at, 0);
  for (let at = w + (<usize>p.to << 2); at < w + 128; at += 4) store<f32>(at, 0);
  p.weightScale = scaleOf(greatestBits(w, 32), WEIGHT_MOST);
  const s = f32x4.splat(divisorOf(p.weightScale));
  const most = v128.load(WEIGHT_MOST_8);
  for (let at: usize = 0; at < 128; at += 32) {
    v128.store(w + (at >> 1), int16(v128.load(w + at), v128.load(w + at + 16), s, most));
  }
}

/**
 * out = out · correction + weights · values of a pair, v i8 [dh8, 32]; a row has so few columns that the weights stay in registers.
 * Lanes as in dot-rows.ts: four dims at a time.
 */
export function mixInt8(p: Pair, v: usize, dh: i32): void {
  let out = p.out;
  const w = changetype<usize>(p) + SCORES;
  const c = f32x4.splat(p.correction);
  const s = f32x4.splat(p.weightScale);
  const w0 = v128.load(w);
  const w1 = v128.load(w, 16);
  const w2 = v128.load(w, 32);
  const w3 = v128.load(w, 48);
  let left = dh;
  for (; left >= 4; left -= 4, out += 16, v += 128) addMix(out, c, fourDims(v, w0, w1, w2, w3), s);
  if (left > 0) mixLast(p, out, v, left);
}

/** The last n < 4 dims, apart: no loop that calls a function keeps its vectors in registers. */
function mixLast(p: Pair, out: usize, v: usize, n: i32): void {
  const w = changetype<usize>(p) + SCORES;
  const dots = fourDims(v, v128.load(w), v128.load(w, 16), v128.load(w, 32), v128.load(w, 48));
  const sum = f32x4.mul(f32x4.convert_i32x4_s(dots), f32x4.splat(p.weightScale));
  storeF32(out, f32x4.add(f32x4.mul(loadF32(out, n), f32x4.splat(p.correction)), sum), n);
}

/** Of four dims the sums over 32 keys. */
// @ts-ignore: decorator
@inline
function fourDims(v: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  const a0 = dot32(v, w0, w1, w2, w3);
  const a1 = dot32(v + 32, w0, w1, w2, w3);
  const a2 = dot32(v + 64, w0, w1, w2, w3);
  const a3 = dot32(v + 96, w0, w1, w2, w3);
  return sumOfEach(a0, a1, a2, a3);
}

/** The same of two pairs, which share the loads of the values. */
export function mixInt8Two(p: Pair, other: Pair, v: usize, dh: i32): void {
  let out = p.out;
  let otherOut = other.out;
  const x = changetype<usize>(p) + SCORES;
  const y = changetype<usize>(other) + SCORES;
  const xc = f32x4.splat(p.correction);
  const xs = f32x4.splat(p.weightScale);
  const yc = f32x4.splat(other.correction);
  const ys = f32x4.splat(other.weightScale);
  const x0 = v128.load(x);
  const x1 = v128.load(x, 16);
  const x2 = v128.load(x, 32);
  const x3 = v128.load(x, 48);
  const y0 = v128.load(y);
  const y1 = v128.load(y, 16);
  const y2 = v128.load(y, 32);
  const y3 = v128.load(y, 48);
  let left = dh;
  for (; left >= 4; left -= 4, out += 16, otherOut += 16, v += 128) {
    const r00 = v128.load_ext<i8>(v);
    const r01 = v128.load_ext<i8>(v, 8);
    const r02 = v128.load_ext<i8>(v, 16);
    const r03 = v128.load_ext<i8>(v, 24);
    const a0 = dotOf(r00, r01, r02, r03, x0, x1, x2, x3);
    const b0 = dotOf(r00, r01, r02, r03, y0, y1, y2, y3);
    const r10 = v128.load_ext<i8>(v, 32);
    const r11 = v128.load_ext<i8>(v, 40);
    const r12 = v128.load_ext<i8>(v, 48);
    const r13 = v128.load_ext<i8>(v, 56);
    const a1 = dotOf(r10, r11, r12, r13, x0, x1, x2, x3);
    const b1 = dotOf(r10, r11, r12, r13, y0, y1, y2, y3);
    const r20 = v128.load_ext<i8>(v, 64);
    const r21 = v128.load_ext<i8>(v, 72);
    const r22 = v128.load_ext<i8>(v, 80);
    const r23 = v128.load_ext<i8>(v, 88);
    const a2 = dotOf(r20, r21, r22, r23, x0, x1, x2, x3);
    const b2 = dotOf(r20, r21, r22, r23, y0, y1, y2, y3);
    const r30 = v128.load_ext<i8>(v, 96);
    const r31 = v128.load_ext<i8>(v, 104);
    const r32 = v128.load_ext<i8>(v, 112);
    const r33 = v128.load_ext<i8>(v, 120);
    const a3 = dotOf(r30, r31, r32, r33, x0, x1, x2, x3);
    const b3 = dotOf(r30, r31, r32, r33, y0, y1, y2, y3);
    addMix(out, xc, sumOfEach(a0, a1, a2, a3), xs);
    addMix(otherOut, yc, sumOfEach(b0, b1, b2, b3), ys);
  }
  if (left > 0) {
    mixLast(p, out, v, left);
    mixLast(other, otherOut, v, left);
  }
}

/** A row of 32 int8 times 32 weights, in four lanes. */
// @ts-ignore: decorator
@inline
function dot32(row: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return dotOf(
    v128.load_ext<i8>(row), v128.load_ext<i8>(row, 8), v128.load_ext<i8>(row, 16), v128.load_ext<i8>(row, 24),
    w0, w1, w2, w3,
  );
}

// @ts-ignore: decorator
@inline
function dotOf(r0: v128, r1: v128, r2: v128, r3: v128, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(r0, w0), i32x4.dot_i16x8_s(r1, w1)),
    i32x4.add(i32x4.dot_i16x8_s(r2, w2), i32x4.dot_i16x8_s(r3, w3)),
  );
}

/** Four dims: out · c + dots · s. */
// @ts-ignore: decorator
@inline
function addMix(out: usize, c: v128, dots: v128, s: v128): void {
  const sum = f32x4.mul(f32x4.convert_i32x4_s(dots), s);
  v128.store(out, f32x4.add(f32x4.mul(v128.load(out), c), sum));
}
