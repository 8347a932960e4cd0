// What the rungs share: where a token's groups lie, and how 8 rows of all tokens are walked.
//
// A rung is out f32 [T, N] = x · Wᵀ of q4 weights [N, 32 G], with T = 1 or a multiple of 4, and operands as the library has them
// (src/kernels/kernels.ts, Int8Rows; src/quant/q4.ts): q i8 and pairs i16 [T, 32 G], scale f32 [T, G] and offset i16 [T, 4 G].

/** The number of token t's first group, and how far its next one is: tokens lie by fours, group by group. */
// @ts-ignore: decorator
@inline
export function groupOf(T: i32, t: i32, G: i32): i32 {
  return T == 1 ? 0 : (t & ~3) * G + (t & 3);
}
// @ts-ignore: decorator
@inline
export function stepOf(T: i32): usize {
  return T == 1 ? 1 : 4;
}

/** What storeSums of the library needs beside its place. */
export const SPARE = memory.data(32, 16);
