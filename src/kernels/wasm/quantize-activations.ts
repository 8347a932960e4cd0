import { loadF32 } from "./vectors";

/**
 * Rows of x f32 [T, C] to q i8 [T, 32 G], scale f32 [T, G], offset i16 [T, 4 G], pairs i16 [T, 32 G], in the order of Int8Rows (kernels.ts).
 *
 * Lanes: four neighbours along C, so a group is eight vectors; inputs past C are 0 and not read. The greatest |x| is found on int32 bits,
 * whose order is that of magnitudes, with infinity and then NaN above all numbers. Same bits as the reference. Alignment: 4 bytes.
 */
export function quantizeActivations(
  q: usize, scale: usize, offset: usize, pairs: usize, x: usize, T: i32, C: i32,
): void {
  const G = (C + 31) >> 5;
  for (let t = 0; t < T; t++) {
    const wide = t < (T & ~3) ? 4 : 1; // tokens that lie side by side
    let group = <usize>(t & ~(wide - 1)) * <usize>G + <usize>(t & (wide - 1));
    for (let left = C; left > 0; left -= 32, group += wide) {
      const s = scaleOf(x, left);
      store<f32>(scale + (group << 2), s);
      quantizeGroup(q + (group << 5), offset + (group << 3), pairs + (group << 6), x, left, s, wide == 1);
      x += <usize>min(left, 32) << 2;
    }
  }
}

/** The bits of the float32 2^70, from which on a value counts as infinite: scales times 2^64 are to be float32 (int8-tile.ts). */
const LIMIT: i32 = (127 + 70) << 23;

/** max|x| / 127 of up to 32 values; NaN if one of them is 2^70 or more, or NaN. */
function scaleOf(x: usize, n: i32): f32 {
  const magnitude = i32x4.splat(0x7fffffff);
  let max = i32x4.splat(0);
  for (let k = 0; k < 32; k += 4) {
    max = i32x4.max_s(max, v128.and(loadF32(x + (<usize>k << 2), n - k), magnitude));
  }
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 2, 3, 0, 1));
  max = i32x4.max_s(max, v128.shuffle<i32>(max, max, 1, 0, 3, 2));
  const bits = i32x4.extract_lane(max, 0);
  return bits < LIMIT ? reinterpret<f32>(bits) / 127 : f32.NaN;
}

/** Up to 32 values to int8, and to pairs as a single token has them or one of four; and their sums. */
function quantizeGroup(q: usize, offset: usize, pairs: usize, x: usize, n: i32, s: f32, single: bool): void {
  const scale = f32x4.splat(s);
  const live = i16x8.splat(s > 0 ? -1 : 0); // a scale of 0 or NaN makes every q 0
  let first = 0; // of the inputs 0 and 1 mod 4
  let last = 0; // of the others
  for (let k = 0; k < 32; k += 16) {
    const a = v128.and(int16(x, n - k, scale), live);
    const b = v128.and(int16(x + 32, n - k - 8, scale), live);
    v128.store(q, i8x16.narrow_i16x8_s(a, b));
    v128.store(pairs, single ? chain(a) : v128.shuffle<i16>(a, a, 0, 2, 1, 3, 4, 6, 5, 7));
    v128.store(pairs, single ? chain(b) : v128.shuffle<i16>(b, b, 0, 2, 1, 3, 4, 6, 5, 7), 16);
    let sums = i32x4.extadd_pairwise_i16x8_s(i16x8.add(a, b)); // of inputs 0 and 1, 2 and 3, 4 and 5, 6 and 7 mod 8
    sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
    const these = i32x4.extract_lane(sums, 0);
    const others = i32x4.extract_lane(sums, 1);
    store<i16>(offset + (<usize>k >> 3), these + others, 4);
    first += these;
    last += others;
    x += 64;
    q += 16;
    pairs += 32;
  }
  store<i16>(offset, -8 * first);
  store<i16>(offset, -8 * last, 2);
}

/** Eight activations in the order 0 2 4 6 1 3 5 7, less 16 times the one two before. */
// @ts-ignore: decorator
@inline
function chain(a: v128): v128 {
  const order = v128.shuffle<i16>(a, a, 0, 2, 4, 6, 1, 3, 5, 7);
  return i16x8.sub(order, i16x8.shl(v128.shuffle<i16>(i16x8.splat(0), order, 0, 0, 8, 9, 10, 11, 12, 13), 4));
}

/** Up to 8 values over the scale, rounded to nearest even, as i16 in -127 … 127. */
function int16(x: usize, n: i32, scale: v128): v128 {
  const a = f32x4.nearest(f32x4.div(loadF32(x, n), scale));
  const b = f32x4.nearest(f32x4.div(loadF32(x + 16, n - 4), scale));
  const v = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(a), i32x4.trunc_sat_f32x4_s(b));
  return i16x8.max_s(i16x8.min_s(v, i16x8.splat(127)), i16x8.splat(-127));
}
