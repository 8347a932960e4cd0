// The words of int4 checkpoints to nibbles of q4 and q4z blocks, bit for bit; src/quant/int4 draws the files, src/quant/q4.ts the blocks.
//
// A word of GPTQ and of compressed-tensors holds 8 neighbouring inputs of one output, as a lane of a block does, with the nibbles in another order:
//
//     word   from the lowest nibble  | n0 n1 n2 n3 n4 n5 n6 n7 |
//     lane   low, high of each byte  | n0 n4   n1 n5   n2 n6   n3 n7 |
//
// so that four words are a vector of a block: neighbours in GPTQ's files, one of each of four rows in compressed-tensors'. A word of AWQ holds one
// input of 8 outputs: 8 words, one below the other, are two vectors.
//
// `block`: bytes of a block, whose last 128 are its nibbles; `stride`: bytes from one row group of the matrix to the next. `places`: i32 [C], where
// each input goes; 0: it stays. Alignment: 4 bytes.

/** Words of inputs 8 i … 8 i + 7 and output o, src i32 [n, N] from i = `at` on; N a multiple of 8. */
export function repackGptq(out: usize, block: usize, stride: usize, at: i32, src: usize, n: i32, N: i32, places: usize): void {
  for (let row = 0; row < N; row += 8, out += stride, src += 32) {
    let from = src;
    for (let chunk = at; chunk < at + n; chunk++, from += <usize>N << 2) {
      put(out, block, 0, chunk, v128.load(from), places, 8);
      put(out, block, 16, chunk, v128.load(from, 16), places, 8);
    }
  }
}

/** Words of output o and inputs 8 i … 8 i + 7, src i32 [n, ceil(C / 8)] of n rows; `out` begins with the first of them. */
export function repackPacked(out: usize, block: usize, stride: usize, src: usize, n: i32, C: i32, places: usize): void {
  const width = (C + 7) >> 3;
  const row = <usize>width << 2;
  for (; n > 0; n -= 8, out += stride, src += row << 3) {
    for (let chunk = 0; chunk < width; chunk++) {
      const from = src + (<usize>chunk << 2);
      const inputs = places ? min(8, C - (chunk << 3)) : 8;
      put(out, block, 0, chunk, fourRows(from, row, n), places, inputs);
      put(out, block, 16, chunk, fourRows(from + (row << 2), row, n - 4), places, inputs);
    }
    for (let chunk = width; chunk < ((width + 3) & ~3); chunk++) {
      v128.store(vectorAt(out, block, chunk), i32x4.splat(0x88888888));
      v128.store(vectorAt(out, block, chunk), i32x4.splat(0x88888888), 16);
    }
  }
}

/** A word of each of four rows; rows past the last hold eights. */
// @ts-ignore: decorator
@inline
function fourRows(from: usize, row: usize, rows: i32): v128 {
  let v = i32x4.splat(0x88888888);
  if (rows > 0) v = v128.load32_lane(from, v, 0);
  if (rows > 1) v = v128.load32_lane(from + row, v, 1);
  if (rows > 2) v = v128.load32_lane(from + 2 * row, v, 2);
  if (rows > 3) v = v128.load32_lane(from + 3 * row, v, 3);
  return v;
}

/** Words of input i and outputs 8 j + 0, 2, 4, 6, 1, 3, 5, 7, src i32 [n, N / 8] from i = `at` on; at and n multiples of 8. */
export function repackAwq(out: usize, block: usize, stride: usize, at: i32, src: usize, n: i32, N: i32): void {
  const row = <usize>(N >> 3) << 2;
  for (const end = src + row; src < end; src += 4, out += stride) {
    let from = src;
    for (let chunk = at >> 3; chunk < (at + n) >> 3; chunk++, from += row << 3) {
      const a = fourRows(from, row, 4); //              lane: input 0 … 3
      const b = fourRows(from + (row << 2), row, 4); // lane: input 4 … 7
      const nibbles = i8x16.splat(15);
      // Byte k of lane i: input i low, input i + 4 high; of outputs 0 4 1 5 in `even`, of 2 6 3 7 in `odd`.
      const even = v128.or(v128.and(a, nibbles), i16x8.shl(v128.and(b, nibbles), 4));
      const odd = v128.or(v128.and(i16x8.shr_u(a, 4), nibbles), i16x8.shl(v128.and(i16x8.shr_u(b, 4), nibbles), 4));
      const to = vectorAt(out, block, chunk);
      v128.store(to, v128.shuffle<u8>(even, odd, 0, 4, 8, 12, 2, 6, 10, 14, 16, 20, 24, 28, 18, 22, 26, 30));
      v128.store(to, v128.shuffle<u8>(even, odd, 1, 5, 9, 13, 3, 7, 11, 15, 17, 21, 25, 29, 19, 23, 27, 31), 16);
    }
  }
}

/** Where in a row group the vectors of inputs 8 chunk … 8 chunk + 7 lie: rows 0-3, and 16 bytes on rows 4-7. */
// @ts-ignore: decorator
@inline
function vectorAt(group: usize, block: usize, chunk: i32): usize {
  return group + (<usize>(chunk >> 2) + 1) * block - 128 + (<usize>(chunk & 3) << 5);
}

/** Words of four rows (`half` 0: the first, 16: the others) and inputs 8 chunk …, of which so many have a place, into their row group. */
// @ts-ignore: decorator
@inline
function put(group: usize, block: usize, half: usize, chunk: i32, words: v128, places: usize, inputs: i32): void {
  if (places == 0) v128.store(vectorAt(group, block, chunk) + half, inLanes(words));
  else scatter(group + half, block, words, places + (<usize>chunk << 5), inputs);
}

// @ts-ignore: decorator
@inline
function inLanes(words: v128): v128 {
  const nibbles = i8x16.splat(15);
  const even = v128.and(words, nibbles); // n0 n2 n4 n6
  const odd = v128.and(i16x8.shr_u(words, 4), nibbles); // n1 n3 n5 n7
  const low = v128.shuffle<u8>(even, odd, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29); // n0 n1 n2 n3
  const high = v128.shuffle<u8>(even, odd, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31); // n4 n5 n6 n7
  return v128.or(low, i16x8.shl(high, 4));
}

/** Nibble i of four words to input places[i]. */
function scatter(group: usize, block: usize, words: v128, places: usize, inputs: i32): void {
  for (let i = 0; i < inputs; i++, places += 4) {
    const k = load<i32>(places);
    const to = vectorAt(group, block, k >> 3);
    const shift = ((k & 3) << 3) + (k & 4);
    const nibble = i32x4.shl(v128.and(i32x4.shr_u(words, i << 2), i32x4.splat(15)), shift);
    v128.store(to, v128.or(v128.andnot(v128.load(to), i32x4.splat(15 << shift)), nibble));
  }
}
