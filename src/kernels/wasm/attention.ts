import { mixF32, scoresF32 } from "./attention-f32";
import { mixInt8, mixInt8Two, quantizeQuery, quantizeWeights, scoresInt8 } from "./attention-int8";
import { KV_BLOCK, paddedHead } from "./layout";
import { divide, follow, Pair, QUERY, sees } from "./online-softmax";

/** Tokens of a work unit: they read the keys and values of their head together. */
const TILE: i32 = 8;
/** Bytes of scratch of a call. */
const SCRATCH: usize = 32768;

/**
 * out[t, h, :] = Σ_j softmax_j(q · k_j · scale) · v_j of the queries in qkv [T, H + 2K, dh] at positions start …, over the keys j ≤ i with
 * i - j < window (0: all) in the pools k and v; query head h reads key head ⌊h / (H / K)⌋. kScale 0: pools f32 [blocks, K, 32, dh]; otherwise
 * int8 with scales, as ../kv-layer.ts draws them.
 *
 * A work unit is TILE tokens and a key head: u = head · ⌈T / TILE⌉ + tile. A call does the units firstUnit … endUnit - 1, in 32 KiB of scratch of its
 * own, so that several threads can share the units of one call. The (token, query head) pairs of a unit walk the blocks together: a block is read
 * from memory once for all of them. A pair sees nothing of the others: its bits do not depend on T, chunks, units, or on where its blocks lie.
 *
 * The softmax is online over blocks of 32 positions at fixed places (online-softmax.ts). Error over n keys, with e = 2^-24 and s = the greatest
 * Σ_d |q_d k_d| · scale: at most e · Σ p_j |v_j| · (2 (dh/4 + 8) s + 2 n + 24); int8 adds what attention-int8.ts says.
 */
export function attention(
  out: usize, qkv: usize, k: usize, v: usize, kScale: usize, vScale: usize, table: usize,
  T: i32, H: i32, K: i32, dh: i32, start: i32, window: i32, scale: f32,
  scratch: usize, firstUnit: i32, endUnit: i32,
): void {
  const tiles = (T + TILE - 1) / TILE;
  const head = <usize>dh << 2;
  for (let u = firstUnit; u < endUnit; u++) {
    const g = u / tiles;
    const t = (u % tiles) * TILE;
    const tokens = min(T - t, TILE);
    const o = out + <usize>(t * H + g * (H / K)) * head;
    const q = qkv + <usize>(t * (H + 2 * K) + g * (H / K)) * head;
    if (kScale) unit<i8>(o, q, k, v, kScale, vScale, table, tokens, H, K, g, dh, start + t, window, scale, scratch);
    else unit<f32>(o, q, k, v, 0, 0, table, tokens, H, K, g, dh, start + t, window, scale, scratch);
  }
}

/** One unit: T ≤ TILE tokens and key head g. KV is the type of the cache's numbers. */
function unit<KV>(
  out: usize, qkv: usize, k: usize, v: usize, kScale: usize, vScale: usize, table: usize,
  T: i32, H: i32, K: i32, g: i32, dh: i32, start: i32, window: i32, scale: f32, scratch: usize,
): void {
  const group = H / K;
  const bytes = QUERY + (isFloat<KV>() ? 0 : <usize>paddedHead(dh) << 1); // of a pair's record
  // As many pairs at once as there is room for; pairs are numbered token by token.
  const room = <i32>(SCRATCH / bytes);
  for (let done = 0; done < T * group; done += room) {
    const pairs = min(T * group - done, room);
    const last = scratch + <usize>pairs * bytes;
    for (let at = scratch, i = done; at < last; at += bytes, i++) {
      const p = changetype<Pair>(at);
      p.max = -Infinity;
      p.sum = 0;
      memory.fill(outOf(out, i, group, H, dh), 0, <usize>dh << 2);
      if (!isFloat<KV>()) quantizeQuery(p, queryOf(qkv, i, group, H, K, dh), dh, scale);
    }
    const firstToken = start + done / group;
    const lastToken = start + (done + pairs - 1) / group;
    for (let b = lowest(firstToken, window) / KV_BLOCK; b <= lastToken / KV_BLOCK; b++) {
      const slot = <usize>(load<i32>(table + (<usize>b << 2)) * K + g);
      const low = max(lowest(firstToken, window) - b * KV_BLOCK, 0) & ~3;
      const high = min((lastToken - b * KV_BLOCK + 4) & ~3, KV_BLOCK);
      if (isFloat<KV>()) {
        const block = <usize>(KV_BLOCK * dh) << 2;
        const place = slot * block;
        changetype<Pair>(scratch).touched = touch(k + place, block) | touch(v + place, block);
        for (let at = scratch, i = done; at < last; at += bytes, i++) {
          const p = changetype<Pair>(at);
          see(p, start + i / group, window, b);
          if (!sees(p)) continue;
          scoresF32(p, queryOf(qkv, i, group, H, K, dh), k + place, dh, p.from & ~3, (p.to + 3) & ~3, scale);
          follow(p);
          mixF32(p, outOf(out, i, group, H, dh), v + place, dh);
        }
      } else {
        const block = <usize>(KV_BLOCK * paddedHead(dh));
        const place = slot * block;
        const scales = slot * <usize>(KV_BLOCK << 2);
        changetype<Pair>(scratch).touched =
          touch(kScale + scales, KV_BLOCK << 2) | touch(vScale + scales, KV_BLOCK << 2) | touch(k + place, block) | touch(v + place, block);
        for (let at = scratch, i = done; at < last; at += 2 * bytes, i += 2) {
          const p = changetype<Pair>(at);
          const two = at + bytes < last;
          const o = changetype<Pair>(at + bytes);
          see(p, start + i / group, window, b);
          scoresInt8(p, two ? o : null, k + place, kScale + scales, dh, low, high);
          if (sees(p)) {
            follow(p);
            quantizeWeights(p, vScale + scales);
          }
          if (two) {
            see(o, start + (i + 1) / group, window, b);
            if (sees(o)) {
              follow(o);
              quantizeWeights(o, vScale + scales);
            }
          }
          const mine = outOf(out, i, group, H, dh);
          const others = outOf(out, i + 1, group, H, dh);
          if (sees(p) && two && sees(o)) mixInt8Two(p, o, mine, others, v + place, dh);
          else if (sees(p)) mixInt8(p, mine, v + place, dh);
          else if (two && sees(o)) mixInt8(o, others, v + place, dh);
        }
      }
    }
    for (let at = scratch, i = done; at < last; at += bytes, i++) {
      divide(changetype<Pair>(at), outOf(out, i, group, H, dh), dh);
    }
  }
}

/** Where the query of pair i lies, and its result. */
// @ts-ignore: decorator
@inline
function queryOf(qkv: usize, i: i32, group: i32, H: i32, K: i32, dh: i32): usize {
  return qkv + (<usize>(((i / group) * (H + 2 * K) + (i % group)) * dh) << 2);
}
// @ts-ignore: decorator
@inline
function outOf(out: usize, i: i32, group: i32, H: i32, dh: i32): usize {
  return out + (<usize>(((i / group) * H + (i % group)) * dh) << 2);
}

/** The first key that the query at position i sees. */
// @ts-ignore: decorator
@inline
function lowest(i: i32, window: i32): i32 {
  return window > 0 ? max(i - window + 1, 0) : 0;
}

/** Which keys of block b the query at position i sees. */
// @ts-ignore: decorator
@inline
function see(p: Pair, i: i32, window: i32, b: i32): void {
  p.from = max(lowest(i, window) - b * KV_BLOCK, 0);
  p.to = min(i - b * KV_BLOCK + 1, KV_BLOCK);
}

/**
 * Reads a word of every 64 bytes: a block then comes from memory in one stream. Misses between computations overlap with little (WASM has no
 * prefetch): at 2048 keys of Phi-4-mini a third of the time.
 */
function touch(at: usize, bytes: usize): u32 {
  let words: u32 = 0;
  for (const end = at + bytes; at < end; at += 64) words |= load<u32>(at);
  return words;
}
