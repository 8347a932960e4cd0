import { exp1, exp4 } from "./exp";
import { greatest } from "./softmax";

/** Tokens of a KV block. */
const B: i32 = 32;
/** Pairs of a token and a query head that walk the blocks together, so that a block is read from memory once for all of them. */
const PAIRS: i32 = 256;

/** Static scratch, in the page that every arena reserves: scores of one block, and for each pair its running maximum and sum. */
const SCORES = memory.data(128, 16);
const MAXIMA = memory.data(1024, 16);
const SUMS = memory.data(1024, 16);

/**
 * out[t, h, :] = Σ_j softmax_j(q · k_j · scale) · v_j of the queries in qkv [T, H + 2K, dh] at positions start …, over the keys j ≤ i with
 * i - j < window (0: all) in pools k, v [blocks, K, 32, dh]; query head h reads key head ⌊h / (H / K)⌋.
 *
 * The softmax is online over blocks of 32 positions at fixed places (M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax",
 * 2018): per block, m' = max(m, scores), c = e^(m - m'), p_j = e^(s_j - m'), l = l·c + Σ p_j, out = out·c + Σ p_j·v_j (ascending j); at the end
 * out / l. A (token, head) pair sees nothing of the other pairs: its bits do not depend on T, on chunks, or on where its blocks lie.
 *
 * Error: with e = 2^-24 and s = the greatest Σ_d |q_d k_d| · scale, at most e · Σ p_j |v_j| · (2 (dh/4 + 8) s + 2 n + 24) over n keys. Measured
 * over 4096 keys of dh 128, with outliers: 4e-6 of the greatest result.
 */
export function attention(
  out: usize,
  qkv: usize,
  k: usize,
  v: usize,
  table: usize,
  T: i32,
  H: i32,
  K: i32,
  dh: i32,
  start: i32,
  window: i32,
  scale: f32,
): void {
  const group = H / K;
  const head = (<usize>dh) << 2;
  const row = <usize>(H + 2 * K) * head;
  const pairs = T * group;
  for (let g = 0; g < K; g++) {
    for (let first = 0; first < pairs; first += PAIRS) {
      const last = min(first + PAIRS, pairs);
      for (let pair = first; pair < last; pair++) {
        put(MAXIMA, pair - first, -Infinity);
        put(SUMS, pair - first, 0);
        memory.fill(out + <usize>((pair / group) * H + g * group + (pair % group)) * head, 0, head);
      }
      const endBlock = (start + (last - 1) / group) / B;
      for (let b = lowest(start + first / group, window) / B; b <= endBlock; b++) {
        const at = <usize>(load<i32>(table + ((<usize>b) << 2)) * K + g) * <usize>B * head;
        for (let pair = first; pair < last; pair++) {
          const t = pair / group;
          const h = g * group + (pair % group);
          const i = start + t;
          const from = max(lowest(i, window) - b * B, 0);
          const to = min(i - b * B + 1, B);
          if (from >= to) continue;
          scores(qkv + <usize>t * row + <usize>h * head, k + at, dh, from, to, scale);
          mix(out + <usize>(t * H + h) * head, v + at, dh, from, to, pair - first);
        }
      }
      for (let pair = first; pair < last; pair++) {
        const to = out + <usize>((pair / group) * H + g * group + (pair % group)) * head;
        const l = load<f32>(SUMS + ((<usize>(pair - first)) << 2));
        const l4 = f32x4.splat(l);
        let at: usize = 0;
        for (; at + 16 <= head; at += 16) v128.store(to + at, f32x4.div(v128.load(to + at), l4));
        for (; at < head; at += 4) store<f32>(to + at, load<f32>(to + at) / l);
      }
    }
  }
}

/** The first key that the query at position i sees. */
// @ts-ignore: decorator
@inline
function lowest(i: i32, window: i32): i32 {
  return window > 0 ? max(i - window + 1, 0) : 0;
}

// @ts-ignore: decorator
@inline
function put(base: usize, i: i32, value: f32): void {
  store<f32>(base + ((<usize>i) << 2), value);
}

/**
 * SCORES[j] = (q · k_j) · scale for from ≤ j < to, -∞ for the others of the fours j belongs to.
 *
 * Lanes: dim d of the first 4·⌊dh/4⌋ goes to lane d mod 4 of key j's own sum, ascending; the sum is (lane 0 + lane 2) + (lane 1 + lane 3), then the
 * dh mod 4 dims left, ascending. Four keys are taken at once, their lanes turned so that the result is `| j | j+1 | j+2 | j+3 |`.
 */
function scores(q: usize, k: usize, dh: i32, from: i32, to: i32, scale: f32): void {
  const head = (<usize>dh) << 2;
  const whole = head & ~15;
  for (let j = from & ~3; j < to; j += 4) {
    const k0 = k + <usize>j * head;
    const k1 = k0 + head;
    const k2 = k1 + head;
    const k3 = k2 + head;
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const x = v128.load(q + at);
      a = f32x4.add(a, f32x4.mul(x, v128.load(k0 + at)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(k1 + at)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(k2 + at)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(k3 + at)));
    }
    // | a0 b0 a1 b1 | + | a2 b2 a3 b3 |, the same of c and d, then the four sums side by side.
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    let s = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    for (; at < head; at += 4) {
      let y = v128.load32_zero(k0 + at);
      y = v128.load32_lane(k1 + at, y, 1);
      y = v128.load32_lane(k2 + at, y, 2);
      y = v128.load32_lane(k3 + at, y, 3);
      s = f32x4.add(s, f32x4.mul(v128.load32_splat(q + at), y));
    }
    v128.store(SCORES + ((<usize>j) << 2), f32x4.mul(s, f32x4.splat(scale)));
  }
  for (let j = from & ~3; j < from; j++) put(SCORES, j, -Infinity);
  for (let j = to; j < ((to + 3) & ~3); j++) put(SCORES, j, -Infinity);
}

/**
 * Takes the scores of one block into pair `pair`: its maximum, its sum, and its row `out`. Masked keys are not touched: what lies there may be NaN.
 *
 * Lanes: p_j goes to sum j mod 4, joined as (0 + 2) + (1 + 3); a masked key's p is 0. In out each dim is on its own, so that eight vectors, one
 * vector or one dim at a time give the same bits.
 */
function mix(out: usize, v: usize, dh: i32, from: i32, to: i32, pair: i32): void {
  const cell = (<usize>pair) << 2;
  const low = from & ~3;
  let most = v128.load(SCORES + ((<usize>low) << 2));
  for (let j = low + 4; j < to; j += 4) most = f32x4.pmax(most, v128.load(SCORES + ((<usize>j) << 2)));
  const before = load<f32>(MAXIMA + cell);
  const block = greatest(most);
  const m = block > before ? block : before;
  const correction = exp1(before - m);
  const m4 = f32x4.splat(m);
  let l = f32x4.splat(0);
  for (let j = low; j < to; j += 4) {
    const at = SCORES + ((<usize>j) << 2);
    const p = exp4(f32x4.sub(v128.load(at), m4));
    v128.store(at, p);
    l = f32x4.add(l, p);
  }
  l = f32x4.add(l, v128.shuffle<f32>(l, l, 2, 3, 0, 1));
  const sum = f32x4.extract_lane(l, 0) + f32x4.extract_lane(l, 1);
  store<f32>(MAXIMA + cell, m);
  store<f32>(SUMS + cell, load<f32>(SUMS + cell) * correction + sum);

  const head = (<usize>dh) << 2;
  const begin = SCORES + ((<usize>from) << 2);
  const end = SCORES + ((<usize>to) << 2);
  const c4 = f32x4.splat(correction);
  v += <usize>from * head;
  let at: usize = 0;
  for (; at + 128 <= head; at += 128) {
    const o = out + at;
    let x0 = f32x4.mul(v128.load(o), c4);
    let x1 = f32x4.mul(v128.load(o, 16), c4);
    let x2 = f32x4.mul(v128.load(o, 32), c4);
    let x3 = f32x4.mul(v128.load(o, 48), c4);
    let x4 = f32x4.mul(v128.load(o, 64), c4);
    let x5 = f32x4.mul(v128.load(o, 80), c4);
    let x6 = f32x4.mul(v128.load(o, 96), c4);
    let x7 = f32x4.mul(v128.load(o, 112), c4);
    let y = v + at;
    for (let p = begin; p < end; p += 4, y += head) {
      const w = v128.load32_splat(p);
      x0 = f32x4.add(x0, f32x4.mul(w, v128.load(y)));
      x1 = f32x4.add(x1, f32x4.mul(w, v128.load(y, 16)));
      x2 = f32x4.add(x2, f32x4.mul(w, v128.load(y, 32)));
      x3 = f32x4.add(x3, f32x4.mul(w, v128.load(y, 48)));
      x4 = f32x4.add(x4, f32x4.mul(w, v128.load(y, 64)));
      x5 = f32x4.add(x5, f32x4.mul(w, v128.load(y, 80)));
      x6 = f32x4.add(x6, f32x4.mul(w, v128.load(y, 96)));
      x7 = f32x4.add(x7, f32x4.mul(w, v128.load(y, 112)));
    }
    v128.store(o, x0);
    v128.store(o, x1, 16);
    v128.store(o, x2, 32);
    v128.store(o, x3, 48);
    v128.store(o, x4, 64);
    v128.store(o, x5, 80);
    v128.store(o, x6, 96);
    v128.store(o, x7, 112);
  }
  for (; at + 16 <= head; at += 16) {
    let x = f32x4.mul(v128.load(out + at), c4);
    let y = v + at;
    for (let p = begin; p < end; p += 4, y += head) x = f32x4.add(x, f32x4.mul(v128.load32_splat(p), v128.load(y)));
    v128.store(out + at, x);
  }
  for (; at < head; at += 4) {
    let x = load<f32>(out + at) * correction;
    let y = v + at;
    for (let p = begin; p < end; p += 4, y += head) x += load<f32>(p) * load<f32>(y);
    store<f32>(out + at, x);
  }
}
