import { mixF32, scoresF32 } from "./attention-f32";
import { attendInt8, quantizeQuery, workBytes } from "./attention-int8";
import { KV_BLOCK, paddedHead } from "./layout";
import { divide, follow, Pair, QUERY, raise, sees } from "./online-softmax";

/** Tokens of a work unit: they read the keys and values of their head together. */
const TILE: i32 = 8;
/** Bytes of scratch of a call. */
const SCRATCH: usize = 32768;

/** Which blocks a head sees (BlockPattern in ../kernels.ts), at the beginning of the scratch; size 0: all. */
@unmanaged
class Pattern {
  size: i32;
  local: i32;
  stride: i32;
  step: i32;
}
const PATTERN: usize = 16;

/**
 * out[t, h, :] = Σ_j softmax_j(q · k_j · scale) · v_j of the queries in qkv [T, H + 2K, dh] at positions start …, over the keys j ≤ i with
 * i - j < window (0: all) in the pools k and v, and with a size that is not 0 only over those in blocks that head h sees; query head h reads key head
 * ⌊h / (H / K)⌋. kScale 0: pools f32 [K, blocks, 32, dh]; otherwise int8 with scales, as ../kv-layer.ts draws them.
 *
 * A work unit is TILE tokens and a key head: u = head · ⌈T / TILE⌉ + tile. A call does the units firstUnit … endUnit - 1, in 32 KiB of scratch of its
 * own, so that several threads can share the units of one call. The (token, query head) pairs of a unit walk the blocks together: a block is read
 * from memory once for all of them, and not at all where nobody sees it. A pair sees nothing of the others: its bits do not depend on T, chunks,
 * units, or on where its blocks lie.
 *
 * The softmax is online over blocks of 32 positions at fixed places (online-softmax.ts). Error over n keys, with e = 2^-24 and s = the greatest
 * Σ_d |q_d k_d| · scale: at most e · Σ p_j |v_j| · (2 (dh/4 + 8) s + 2 n + 24); int8 adds what attention-int8.ts says.
 */
export function attention(
  out: usize, qkv: usize, k: usize, v: usize, kScale: usize, vScale: usize, table: usize,
  T: i32, H: i32, K: i32, dh: i32, start: i32, window: i32, scale: f32, size: i32, local: i32, stride: i32, step: i32, blocks: i32,
  scratch: usize, firstUnit: i32, endUnit: i32,
): void {
  const pattern = changetype<Pattern>(scratch);
  pattern.size = size;
  pattern.local = local;
  pattern.stride = stride;
  pattern.step = step;
  const tiles = (T + TILE - 1) / TILE;
  const head = <usize>dh << 2;
  for (let u = firstUnit; u < endUnit; u++) {
    const g = u / tiles;
    const t = (u % tiles) * TILE;
    const tokens = min(T - t, TILE);
    const o = out + <usize>(t * H + g * (H / K)) * head;
    const q = qkv + <usize>(t * (H + 2 * K) + g * (H / K)) * head;
    if (kScale) unit<i8>(o, q, k, v, kScale, vScale, table, tokens, H, K, g, dh, start + t, window, scale, blocks, pattern);
    else unit<f32>(o, q, k, v, 0, 0, table, tokens, H, K, g, dh, start + t, window, scale, blocks, pattern);
  }
}

/** One unit: T ≤ TILE tokens and key head g, with the scratch behind the pattern. KV is the type of the cache's numbers. */
function unit<KV>(
  out: usize, qkv: usize, k: usize, v: usize, kScale: usize, vScale: usize, table: usize,
  T: i32, H: i32, K: i32, g: i32, dh: i32, start: i32, window: i32, scale: f32, blocks: i32, pattern: Pattern,
): void {
  const group = H / K;
  const scratch = changetype<usize>(pattern) + PATTERN;
  const block: usize = isFloat<KV>() ? <usize>(KV_BLOCK * dh) << 2 : <usize>(KV_BLOCK * paddedHead(dh));
  let follower: usize = -1; // the slot that lies behind the last one
  const bytes = QUERY + (isFloat<KV>() ? 0 : <usize>paddedHead(dh) << 1); // of a pair's record
  // As many pairs at once as there is room for; pairs are numbered token by token.
  const room = <i32>((SCRATCH - PATTERN - (isFloat<KV>() ? 0 : workBytes(dh))) / bytes);
  for (let done = 0; done < T * group; done += room) {
    const pairs = min(T * group - done, room);
    const last = scratch + <usize>pairs * bytes;
    for (let at = scratch, i = done; at < last; at += bytes, i++) {
      const p = changetype<Pair>(at);
      p.max = -Infinity;
      p.sum = 0;
      const t = i / group;
      const h = i % group;
      p.position = start + t;
      p.query = qkv + (<usize>((t * (H + 2 * K) + h) * dh) << 2);
      p.out = out + (<usize>((t * H + h) * dh) << 2);
      memory.fill(p.out, 0, <usize>dh << 2);
      if (!isFloat<KV>()) quantizeQuery(p, p.query, dh, scale);
    }
    const firstToken = start + done / group;
    const lastToken = start + (done + pairs - 1) / group;
    for (let b = lowest(firstToken, window) / KV_BLOCK; b <= lastToken / KV_BLOCK; b++) {
      if (!look(scratch, last, bytes, done, group, g, window, pattern, b)) continue;
      const slot = <usize>(g * blocks + load<i32>(table + (<usize>b << 2)));
      const low = max(lowest(firstToken, window) - b * KV_BLOCK, 0) & ~7;
      const high = min((lastToken - b * KV_BLOCK + 8) & ~7, KV_BLOCK);
      const keys = k + slot * block;
      const values = v + slot * block;
      const scales = slot * <usize>(KV_BLOCK << 2);
      if (slot != follower) {
        let words = touch(keys, block) | touch(values, block);
        if (!isFloat<KV>()) words |= touch(kScale + scales, KV_BLOCK << 2) | touch(vScale + scales, KV_BLOCK << 2);
        changetype<Pair>(scratch).touched = words;
      }
      follower = slot + 1;
      if (isFloat<KV>()) {
        for (let at = scratch; at < last; at += bytes) {
          const p = changetype<Pair>(at);
          if (!sees(p)) continue;
          scoresF32(p, p.query, keys, dh, p.from & ~3, (p.to + 3) & ~3, scale);
          raise(p);
          follow(p);
          mixF32(p, p.out, values, dh);
        }
      } else {
        attendInt8(scratch, last, bytes, keys, values, kScale + scales, vScale + scales, dh, low, high);
      }
    }
    for (let at = scratch; at < last; at += bytes) divide(changetype<Pair>(at), dh);
  }
}

/** Tells each pair from `first` to `last` which keys of block b it sees. @returns whether any sees one */
function look(
  first: usize, last: usize, bytes: usize, done: i32, group: i32, g: i32, window: i32, pattern: Pattern, b: i32,
): bool {
  let any = false;
  for (let at = first, i = done; at < last; at += bytes, i++) {
    const p = changetype<Pair>(at);
    see(p, window, b);
    if (pattern.size != 0 && !seesBlock(pattern, g * group + (i % group), p.position, b)) p.to = p.from;
    any = any || sees(p);
  }
  return any;
}

// @ts-ignore: decorator
@inline
function seesBlock(pattern: Pattern, head: i32, position: i32, b: i32): bool {
  const key = (b * KV_BLOCK) / pattern.size;
  return position / pattern.size - key < pattern.local || (key + 1 + head * pattern.step) % pattern.stride == 0;
}

/** The first key that the query at position i sees. */
// @ts-ignore: decorator
@inline
function lowest(i: i32, window: i32): i32 {
  return window > 0 ? max(i - window + 1, 0) : 0;
}

/** Which keys of block b the pair sees, by causality and window. */
// @ts-ignore: decorator
@inline
function see(p: Pair, window: i32, b: i32): void {
  p.from = max(lowest(p.position, window) - b * KV_BLOCK, 0);
  p.to = min(p.position - b * KV_BLOCK + 1, KV_BLOCK);
}

/**
 * Reads a word of every 64 bytes of a block that does not lie behind the one before: it then comes from memory at once, where misses between
 * computations would overlap with little (WASM has no prefetch). Of blocks that follow each other the processor's prefetcher is ahead of us.
 */
function touch(at: usize, bytes: usize): u32 {
  let words: u32 = 0;
  for (const end = at + bytes; at < end; at += 64) words |= load<u32>(at);
  return words;
}
