// Four vectors to one: lane i of the result is vector i with its four lanes joined. Two steps of transposing:
//
//   a0 a1 a2 a3   b0 b1 b2 b3  ->  a0 b0 a1 b1 | a2 b2 a3 b3  ->  joined: a02 b02 a13 b13
//   c0 c1 c2 c3   d0 d1 d2 d3  ->  the same: c02 d02 c13 d13  ->  a02 b02 c02 d02 | a13 b13 c13 d13, joined once more

/** Lane i = the largest i32 of vector i. */
// @ts-ignore: decorator
@inline
export function maxOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.max_s(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.max_s(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.max_s(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}

/** Row r's lane of a vector of four rows, in all lanes. `r` is a constant where this is used. */
// @ts-ignore: decorator
@inline
export function splatLane(v: v128, r: i32): v128 {
  if (r === 0) return v128.shuffle<i32>(v, v, 0, 0, 0, 0);
  if (r === 1) return v128.shuffle<i32>(v, v, 1, 1, 1, 1);
  if (r === 2) return v128.shuffle<i32>(v, v, 2, 2, 2, 2);
  return v128.shuffle<i32>(v, v, 3, 3, 3, 3);
}

/**
 * 4 × 4 lanes of 32 bits transposed, stored `step` bytes apart:
 *
 *   a0 a1 a2 a3        a0 b0 c0 d0   at out
 *   b0 b1 b2 b3   ->   a1 b1 c1 d1   at out + step
 *   c0 c1 c2 c3        a2 b2 c2 d2
 *   d0 d1 d2 d3        a3 b3 c3 d3
 */
// @ts-ignore: decorator
@inline
export function storeTransposed(out: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(ab01, cd01, 0, 2));
  v128.store(out + step, v128.shuffle<i64>(ab01, cd01, 1, 3));
  v128.store(out + 2 * step, v128.shuffle<i64>(ab23, cd23, 0, 2));
  v128.store(out + 3 * step, v128.shuffle<i64>(ab23, cd23, 1, 3));
}

/** Lane i = the sum of the i32 of vector i. */
// @ts-ignore: decorator
@inline
export function sumOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}
