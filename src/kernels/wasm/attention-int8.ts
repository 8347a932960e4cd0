import { dotRows, dotRows2 } from "./dot-rows";
import { paddedHead } from "./layout";
import { Pair, QUERY, SCORES } from "./online-softmax";
import { greatestBits, int16, scaleOf } from "./symmetric";
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

/** The query f32 [dh] as i16 in the pair's record, zeros behind it up to a multiple of 8. */
export function quantizeQuery(p: Pair, q: usize, dh: i32, scale: f32): void {
  const s = scaleOf(greatestBits(q, dh), QUERY_MOST);
  const s4 = f32x4.splat(s);
  let to = changetype<usize>(p) + QUERY;
  for (let d = 0; d < dh; d += 8, q += 32, to += 16) {
    v128.store(to, int16(loadF32(q, dh - d), loadF32(q + 16, dh - d - 4), s4, QUERY_MOST));
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
  const s = f32x4.splat(p.weightScale);
  for (let at: usize = 0; at < 128; at += 32) {
    v128.store(w + (at >> 1), int16(v128.load(w + at), v128.load(w + at + 16), s, WEIGHT_MOST));
  }
}

/** out = out · correction + weights · values of up to two pairs, v i8 [dh8, 32]; `dots` is room for i32 [2, dh8]. */
export function mixInt8(p: Pair, other: Pair | null, out: usize, otherOut: usize, v: usize, dh: i32, dots: usize): void {
  const rows = paddedHead(dh);
  const w = changetype<usize>(p) + SCORES;
  if (other) {
    const more = dots + (<usize>rows << 2);
    dotRows2(dots, more, v, w, changetype<usize>(other) + SCORES, rows, 32);
    addMix(other, otherOut, more, dh);
  } else {
    dotRows(dots, v, w, rows, 32);
  }
  addMix(p, out, dots, dh);
}

// @ts-ignore: decorator
@inline
function addMix(p: Pair, out: usize, dots: usize, dh: i32): void {
  const c = f32x4.splat(p.correction);
  const s = f32x4.splat(p.weightScale);
  for (let d = 0; d < dh; d += 4, out += 16, dots += 16) {
    const sum = f32x4.mul(f32x4.convert_i32x4_s(v128.load(dots)), s);
    storeF32(out, f32x4.add(f32x4.mul(loadF32(out, dh - d), c), sum), dh - d);
  }
}
