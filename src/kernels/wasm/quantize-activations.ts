import { nearest16 } from "./round";

/** i32 × 4: all bits but the sign. These lie in memory, as f16.ts says. */
const MAGNITUDE = memory.data<u32>([0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff], 16);
/** i16 × 8: the greatest of the integers, and the least. */
const MOST = memory.data<i16>([127, 127, 127, 127, 127, 127, 127, 127], 16);
const LEAST = memory.data<i16>([-127, -127, -127, -127, -127, -127, -127, -127], 16);
/** i32 × 4: what the four sums of a group are multiplied by. */
const SUMS = memory.data<i32>([-8, -8, 1, 1], 16);

/**
 * Rows of x f32 [T, C] to q i8 [T, 32 G], scale f32 [T, G], offset i16 [T, 4 G], pairs i16 [T, 32 G], in the order of Int8Rows (kernels.ts).
 *
 * Lanes: four neighbours along C, so a group is eight vectors; inputs past C are 0 and not read: what is left of a row is copied to the scratch,
 * of 128 bytes. Without `fours` the pairs of tokens that lie by fours are not written: two thirds of all bytes, and few matrices read them. The greatest |x| is found on int32 bits, whose order is that of magnitudes, with infinity and then NaN above all numbers. Same bits
 * as the reference. Alignment: 4 bytes.
 */
export function quantizeActivations(
  q: usize, scale: usize, offset: usize, pairs: usize, x: usize, T: i32, C: i32, fours: i32, scratch: usize,
): void {
  const G = (C + 31) >> 5;
  for (let t = 0; t < T; t++) {
    const wide = t < (T & ~3) ? 4 : 1; // tokens that lie side by side
    let group = <usize>(t & ~(wide - 1)) * <usize>G + <usize>(t & (wide - 1));
    for (let left = C; left > 0; left -= 32, group += wide) {
      const from = left < 32 ? padded(scratch, x, left) : x;
      const s = scaleOf(from);
      store<f32>(scale + (group << 2), s);
      const to = wide == 1 || fours != 0 ? pairs + (group << 6) : 0;
      quantizeGroup(q + (group << 5), offset + (group << 3), to, from, s, wide == 1);
      x += <usize>min(left, 32) << 2;
    }
  }
}

/** The first n < 32 values at `to`, zeros behind them. @returns `to` */
function padded(to: usize, x: usize, n: i32): usize {
  for (let i = 0; i < 32; i++) store<f32>(to + (<usize>i << 2), i < n ? load<f32>(x + (<usize>i << 2)) : 0);
  return to;
}

/** The bits of the float32 2^70, from which on a value counts as infinite: scales times 2^64 are to be float32 (int8-tile.ts). */
const LIMIT: i32 = (127 + 70) << 23;

/** max|x| / 127 of 32 values; NaN if one of them is 2^70 or more, or NaN. */
// @ts-ignore: decorator
@inline
function scaleOf(x: usize): f32 {
  const magnitude = v128.load(MAGNITUDE);
  let max = i32x4.splat(0);
  for (const end = x + 128; x < end; x += 16) max = i32x4.max_s(max, v128.and(v128.load(x), magnitude));
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 2, 3, 0, 1));
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 1, 0, 3, 2));
  const bits = i32x4.extract_lane(max, 0);
  return bits < LIMIT ? reinterpret<f32>(bits) / 127 : f32.NaN;
}

/** 32 values to int8, and to pairs (0: none) as a single token has them or one of four; and their sums. */
// @ts-ignore: decorator
@inline
function quantizeGroup(q: usize, offset: usize, pairs: usize, x: usize, s: f32, single: bool): void {
  const first = quantize16(q, pairs, x, s, single);
  const second = quantize16(q + 16, pairs ? pairs + 32 : 0, x + 64, s, single);
  // Of each half of 16 the sums of inputs 0 and 1 mod 4, and of 2 and 3 mod 4: a b | c d. Stored are -8 (a + c), -8 (b + d), a + b, c + d.
  const sums = i32x4.add(v128.shuffle<i64>(first, second, 0, 2), v128.shuffle<i64>(first, second, 1, 3));
  const four = i32x4.add(v128.shuffle<i32>(sums, sums, 0, 1, 0, 2), v128.shuffle<i32>(sums, sums, 2, 3, 1, 3));
  const stored = i32x4.mul(four, v128.load(SUMS));
  v128.store64_lane(offset, i16x8.narrow_i32x4_s(stored, stored), 0);
}

/** 16 values. (With vectors as parameters V8 14.6 fails when it pairs them: ARCHITECTURE.md, Wider vectors.) @returns i32 × 4: their sums, of inputs 0 and 1, 2 and 3, 4 and 5, 6 and 7 mod 8 */
function quantize16(q: usize, pairs: usize, x: usize, s: f32, single: bool): v128 {
  const scale = f32x4.splat(s);
  const live = i16x8.splat(s > 0 ? -1 : 0); // a scale of 0 or NaN makes every q 0
  const a = v128.and(int16(x, scale), live);
  const b = v128.and(int16(x + 32, scale), live);
  v128.store(q, i8x16.narrow_i16x8_s(a, b));
  if (pairs) {
    v128.store(pairs, single ? chain(a) : v128.shuffle<i16>(a, a, 0, 2, 1, 3, 4, 6, 5, 7));
    v128.store(pairs, single ? chain(b) : v128.shuffle<i16>(b, b, 0, 2, 1, 3, 4, 6, 5, 7), 16);
  }
  return i32x4.extadd_pairwise_i16x8_s(i16x8.add(a, b));
}

/** Eight activations in the order 0 2 4 6 1 3 5 7, less 16 times the one two before. */
// @ts-ignore: decorator
@inline
function chain(a: v128): v128 {
  const order = v128.shuffle<i16>(a, a, 0, 2, 4, 6, 1, 3, 5, 7);
  return i16x8.sub(order, i16x8.shl(v128.shuffle<i16>(i16x8.splat(0), order, 0, 0, 8, 9, 10, 11, 12, 13), 4));
}

/** 8 values over the scale, rounded to nearest even, as i16 in -127 … 127 where the scale is neither 0 nor NaN. */
// @ts-ignore: decorator
@inline
function int16(x: usize, scale: v128): v128 {
  const v = nearest16(f32x4.div(v128.load(x), scale), f32x4.div(v128.load(x, 16), scale));
  return i16x8.max_s(i16x8.min_s(v, v128.load(MOST)), v128.load(LEAST));
}
