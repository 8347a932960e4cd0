/**
 * The keys and values of qkv [T, H + 2K, dh] (heads H … H + K - 1 and H + K … H + 2K - 1) into the pools k and v [blocks, K, B = 32, dh], at
 * positions start … start + T - 1; position p lies in block table[p / 32], at p mod 32. Bits are copied as they are.
 */
export function storeKV(k: usize, v: usize, table: usize, qkv: usize, T: i32, H: i32, K: i32, dh: i32, start: i32): void {
  const head = (<usize>dh) << 2;
  for (let t = 0; t < T; t++) {
    const p = start + t;
    const block = load<i32>(table + ((<usize>(p >> 5)) << 2));
    let key = qkv + (<usize>(t * (H + 2 * K) + H)) * head;
    for (let g = 0; g < K; g++, key += head) {
      const at = (<usize>((block * K + g) * 32 + (p & 31))) * head;
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
