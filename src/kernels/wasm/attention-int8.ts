import { dotRows } from "./dot-rows";
import { KV_BLOCK, paddedHead } from "./layout";
import { follow, Pair, QUERY, SCORES, sees, setUnseen } from "./online-softmax";
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

/** Bytes of the sums of four pairs: of 32 keys, or of as many dims as a row of values has. */
export function sumBytes(dh: i32): usize {
  return <usize>max(paddedHead(dh), KV_BLOCK) << 4;
}

/**
 * One block for those of the pairs from `first` to `last` that see it, up to four together; behind `last` is room for their sums. Keys i8
 * [4, dh8 / 2, 8, 2], of which those from `low` to `high` (multiples of 8) are seen; values i8 [dh8 / 8, 16, 8, 2]; scales f32 [32] of both.
 */
export function attendInt8(
  first: usize, last: usize, bytes: usize, k: usize, v: usize, kScale: usize, vScale: usize, dh: i32, low: i32, high: i32,
): void {
  const row = paddedHead(dh);
  const scores: usize = KV_BLOCK << 2;
  const mix = <usize>row << 2;
  for (let at = next(first, last, bytes); at < last; ) {
    const p = at;
    const q = next(p + bytes, last, bytes);
    const r = next(q + bytes, last, bytes);
    const s = next(r + bytes, last, bytes);
    at = next(s + bytes, last, bytes);
    const n = 1 + i32(q < last) + i32(r < last) + i32(s < last);
    const keys = k + <usize>(low * row);
    dotRows(n, last + (<usize>low << 2), scores, p + QUERY, q + QUERY, r + QUERY, s + QUERY, keys, (high - low) >> 3, row >> 1);
    weigh(p, last, kScale, vScale);
    if (n > 1) weigh(q, last + scores, kScale, vScale);
    if (n > 2) weigh(r, last + 2 * scores, kScale, vScale);
    if (n > 3) weigh(s, last + 3 * scores, kScale, vScale);
    dotRows(n, last, mix, p + SCORES, q + SCORES, r + SCORES, s + SCORES, v, row >> 3, KV_BLOCK >> 1);
    mixInt8(p, last, dh);
    if (n > 1) mixInt8(q, last + mix, dh);
    if (n > 2) mixInt8(r, last + 2 * mix, dh);
    if (n > 3) mixInt8(s, last + 3 * mix, dh);
  }
}

/** The first pair from `at` on that sees a key; `last` or more if there is none. */
function next(at: usize, last: usize, bytes: usize): usize {
  while (at < last && !sees(changetype<Pair>(at))) at += bytes;
  return at;
}

/**
 * The pair's sums q̂ · k̂ i32 [32] to the weights of the block's values, as i16 [32] in the pair's record; those of keys that it does not see become 0,
 * whatever stands in their sums and scales (kScale, vScale f32 [32]).
 */
function weigh(pair: usize, dots: usize, kScale: usize, vScale: usize): void {
  const p = changetype<Pair>(pair);
  const w = pair + SCORES;
  const q = f32x4.splat(p.queryScale);
  for (let at: usize = 0; at < 128; at += 32) {
    v128.store(w + at, f32x4.mul(f32x4.convert_i32x4_s(v128.load(dots + at)), f32x4.mul(v128.load(kScale + at), q)));
    v128.store(w + at, f32x4.mul(f32x4.convert_i32x4_s(v128.load(dots + at, 16)), f32x4.mul(v128.load(kScale + at, 16), q)), 16);
  }
  follow(p);
  for (let at: usize = 0; at < 128; at += 32) {
    v128.store(w + at, f32x4.mul(v128.load(w + at), v128.load(vScale + at)));
    v128.store(w + at, f32x4.mul(v128.load(w + at, 16), v128.load(vScale + at, 16)), 16);
  }
  if (p.to - p.from < KV_BLOCK) setUnseen(p, 0);
  p.weightScale = scaleOf(greatestBits(w, 32), WEIGHT_MOST);
  const s = f32x4.splat(divisorOf(p.weightScale));
  const most = v128.load(WEIGHT_MOST_8);
  for (let at: usize = 0; at < 128; at += 32) {
    v128.store(w + (at >> 1), int16(v128.load(w + at), v128.load(w + at, 16), s, most));
  }
}

/** out = out · correction + dots · weight scale of a pair: dots i32 [dh8], out f32 [dh]. */
function mixInt8(pair: usize, dots: usize, dh: i32): void {
  const p = changetype<Pair>(pair);
  let out = p.out;
  const c = f32x4.splat(p.correction);
  const s = f32x4.splat(p.weightScale);
  for (; dh >= 8; dh -= 8, out += 32, dots += 32) {
    v128.store(out, mixed(v128.load(out), c, v128.load(dots), s));
    v128.store(out, mixed(v128.load(out, 16), c, v128.load(dots, 16), s), 16);
  }
  for (; dh > 0; dh -= 4, out += 16, dots += 16) {
    storeF32(out, mixed(loadF32(out, dh), c, v128.load(dots), s), dh);
  }
}

// @ts-ignore: decorator
@inline
function mixed(out: v128, c: v128, dots: v128, s: v128): v128 {
  return f32x4.add(f32x4.mul(out, c), f32x4.mul(f32x4.convert_i32x4_s(dots), s));
}
