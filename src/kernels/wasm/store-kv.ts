import { KV_BLOCK, paddedHead } from "./layout";
import { greatestBits, int16, scaleOf } from "./symmetric";
import { loadF32 } from "./vectors";

/**
 * The keys and values of qkv [T, H + 2K, dh] (heads H … H + K - 1 and H + K … H + 2K - 1) into the pools k and v [K, blocks, B = 32, dh], at
 * positions start … start + T - 1; position p lies in block table[p / 32], at p mod 32. Bits are copied as they are.
 */
export function storeKV(k: usize, v: usize, table: usize, qkv: usize, T: i32, H: i32, K: i32, dh: i32, start: i32, blocks: i32): void {
  const head = (<usize>dh) << 2;
  for (let t = 0; t < T; t++) {
    const p = start + t;
    const block = load<i32>(table + ((<usize>(p / KV_BLOCK)) << 2));
    let key = qkv + (<usize>(t * (H + 2 * K) + H)) * head;
    for (let g = 0; g < K; g++, key += head) {
      const at = (<usize>((g * blocks + block) * KV_BLOCK + (p % KV_BLOCK))) * head;
      copy(k + at, key, head);
      copy(v + at, key + <usize>K * head, head);
    }
  }
}

/** Moves bytes (a multiple of 4) that do not overlap. */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, bytes: usize): void {
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < bytes; i += 4) store<u32>(to + i, load<u32>(from + i));
}

/**
 * The same into int8 pools, k [K, blocks, 4, dh8 / 2, 8, 2] and v [K, blocks, dh8 / 8, 16, 8, 2], each head of each token with a scale in kScale and vScale
 * f32 [K, blocks, 32] (../kv-layer.ts). Eight dims at a time; dims past dh are stored as 0. Same bits as the reference.
 */
export function storeKVInt8(
  k: usize, v: usize, kScale: usize, vScale: usize, table: usize, qkv: usize, T: i32, H: i32, K: i32, dh: i32, start: i32,
  blocks: i32,
): void {
  const row = paddedHead(dh);
  for (let t = 0; t < T; t++) {
    const p = start + t;
    const j = p % KV_BLOCK;
    const block = load<i32>(table + ((<usize>(p / KV_BLOCK)) << 2));
    for (let g = 0; g < K; g++) {
      const slot = g * blocks + block;
      const scale = <usize>(slot * KV_BLOCK + j) << 2;
      const key = qkv + (<usize>((t * (H + 2 * K) + H + g) * dh) << 2);
      const keys = k + <usize>((slot * KV_BLOCK + (j & ~7)) * row + (j & 7) * 2);
      const ks = scaleOf(greatestBits(key, dh), 127);
      store<f32>(kScale + scale, ks);
      for (let d = 0; d < dh; d += 8) scatterPairs(keys + <usize>(d * 8), int8(key + (<usize>d << 2), dh - d, ks));

      const value = key + (<usize>(K * dh) << 2);
      const values = v + <usize>(slot * row * KV_BLOCK + (j >> 1) * 16 + (j & 1));
      const vs = scaleOf(greatestBits(value, dh), 127);
      store<f32>(vScale + scale, vs);
      for (let d = 0; d < dh; d += 8) scatter(values + <usize>(d * KV_BLOCK), int8(value + (<usize>d << 2), dh - d, vs));
    }
  }
}

/** i16 × 8: the greatest of the integers, in memory as f16.ts says. */
const MOST = memory.data<i16>([127, 127, 127, 127, 127, 127, 127, 127], 16);

/** Up to 8 values over their scale, as i8 in -127 … 127 in the lower half; a scale of 0 or NaN makes them 0. */
function int8(x: usize, n: i32, scale: f32): v128 {
  const live = i16x8.splat(scale > 0 ? -1 : 0);
  const q = v128.and(int16(loadF32(x, n), loadF32(x + 16, n - 4), f32x4.splat(scale), v128.load(MOST)), live);
  return i8x16.narrow_i16x8_s(q, q);
}

/** Four pairs of bytes, 16 bytes apart. */
// @ts-ignore: decorator
@inline
function scatterPairs(to: usize, bytes: v128): void {
  v128.store16_lane(to, bytes, 0, 0);
  v128.store16_lane(to, bytes, 1, 16);
  v128.store16_lane(to, bytes, 2, 32);
  v128.store16_lane(to, bytes, 3, 48);
}

/** Eight bytes, each the first of a pair. Those between them may be another thread's. */
// @ts-ignore: decorator
@inline
function scatter(to: usize, bytes: v128): void {
  v128.store8_lane(to, bytes, 0, 0);
  v128.store8_lane(to, bytes, 1, 2);
  v128.store8_lane(to, bytes, 2, 4);
  v128.store8_lane(to, bytes, 3, 6);
  v128.store8_lane(to, bytes, 4, 8);
  v128.store8_lane(to, bytes, 5, 10);
  v128.store8_lane(to, bytes, 6, 12);
  v128.store8_lane(to, bytes, 7, 14);
}
