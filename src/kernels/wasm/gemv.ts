import { dotAdd, finish, join, low16, startAt } from "./dot";
import { BITS, finite4 } from "./f16";
import { addGroup, bytes02, bytes13, moveZeros, NIBBLES, scaledUp, storeSums } from "./int8-tile";
import { blockBytes, hasZeros, rowGroupBytes, scalesAt, weightBytes } from "./layout";

/**
 * One token: out f32 [N] of the rows of blocks begin … end - 1. x is the token's operand (kernels.ts, Int8Rows): `pairs` for q4 in the
 * form PAIRS, otherwise `q`.
 *
 * A tile is 16 rows: two blocks that lie far apart, so that two streams of weights are on their way from memory at a time. 4 rows × 8 inputs of
 * q4 are a vector, and 4 × 4 of q8; of a nibble vector v the relaxed forms take v and v >> 4, masked. PAIRS takes v, v >> 4, v >> 8 and
 * v >> 12 as i16, whose upper nibbles need no mask, since the activations take them off again (`pairs` of a single token):
 *
 *     i16 lane    n0 + 16 n4 + 256 n1 + 4096 n5     · a0
 *           >> 4       n4 +  16 n1 +  256 n5        · (a4 - 16 a0)
 *           >> 8               n1 +   16 n5         · (a1 - 16 a4)
 *          >> 12                      n5            · (a5 - 16 a1)     sum: n0 a0 + n4 a4 + n1 a1 + n5 a5
 *
 * That the first one reads n5 ≥ 8 as a sign is wrong by a multiple of 2^16, and the sum of 32 inputs fits in 16 bits, which are what is kept.
 * That of q4z would not, so its nibbles are summed as q4's are, and moved to their zero points afterwards.
 */
export function gemv<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, N: i32, G: i32, scratch: usize, begin: i32, end: i32,
): void {
  const bytes = rowGroupBytes<W>(G);
  const half = (end - begin + 1) >> 1;
  for (let i = begin; i < begin + half; i++) {
    const j = min(i + half, end - 1); // the last one once more where the number of blocks is odd
    tile<W, D>(out, x, scale, offset, w + <usize>i * bytes, w + <usize>j * bytes, N, i << 3, j << 3, G, scratch);
  }
}

/** The 8 rows from n, whose weights lie at w, and the 8 rows from m, whose weights lie at v. */
function tile<W, D>(
  out: usize, x: usize, scale: usize, offset: usize, w: usize, v: usize, N: i32, n: i32, m: i32, G: i32, scratch: usize,
): void {
  const nibbles = v128.load(NIBBLES);
  const bits = v128.load(BITS);
  let acc0 = f32x4.splat(0); // rows n … n+3
  let acc1 = f32x4.splat(0); // rows n+4 … n+7
  let acc2 = f32x4.splat(0); // rows m … m+3
  let acc3 = f32x4.splat(0); // rows m+4 … m+7
  w += scalesAt<W>() - 16; // so that both halves of the scales are read at an offset: V8 sees only then that they are neighbours
  v += scalesAt<W>() - 16;
  for (const last = scale + (<usize>G << 2); scale < last; scale += 4, offset += 8) {
    let sums0 = isSigned<W>() ? i32x4.splat(0) : startAt<D>(offset);
    let sums1 = sums0;
    let sums2 = sums0;
    let sums3 = sums0;
    for (let i: usize = 0; i < weightBytes<W>(); i += 32) {
      const a = input<W, D>(x, 0);
      const b = input<W, D>(x, 1);
      const c = input<W, D>(x, 2);
      const d = input<W, D>(x, 3);
      sums0 = products<W, D>(sums0, v128.load(w + i, 32), nibbles, a, b, c, d);
      sums1 = products<W, D>(sums1, v128.load(w + i, 48), nibbles, a, b, c, d);
      sums2 = products<W, D>(sums2, v128.load(v + i, 32), nibbles, a, b, c, d);
      sums3 = products<W, D>(sums3, v128.load(v + i, 48), nibbles, a, b, c, d);
      x += isSigned<W>() ? 4 : isSigned<D>() ? 8 : 16;
    }
    sums0 = total<W, D>(sums0);
    sums1 = total<W, D>(sums1);
    sums2 = total<W, D>(sums2);
    sums3 = total<W, D>(sums3);
    if (hasZeros<W>()) {
      const total = join(v128.load32_splat(offset));
      const wz = v128.load_ext<i8>(w, 8);
      sums0 = moveZeros(sums0, i32x4.extend_low_i16x8_u(wz), total);
      sums1 = moveZeros(sums1, i32x4.extend_high_i16x8_u(wz), total);
      const vz = v128.load_ext<i8>(v, 8);
      sums2 = moveZeros(sums2, i32x4.extend_low_i16x8_u(vz), total);
      sums3 = moveZeros(sums3, i32x4.extend_high_i16x8_u(vz), total);
    }
    const s = scaledUp(v128.load32_splat(scale));
    acc0 = addGroup(acc0, sums0, finite4(v128.load_ext<i16>(w, 16), bits), s);
    acc1 = addGroup(acc1, sums1, finite4(v128.load_ext<i16>(w, 24), bits), s);
    acc2 = addGroup(acc2, sums2, finite4(v128.load_ext<i16>(v, 16), bits), s);
    acc3 = addGroup(acc3, sums3, finite4(v128.load_ext<i16>(v, 24), bits), s);
    w += blockBytes<W>();
    v += blockBytes<W>();
  }
  storeSums(out + (<usize>n << 2), scratch, acc0, acc1, N - n);
  storeSums(out + (<usize>m << 2), scratch, acc2, acc3, N - m);
}

/** The activations that a vector's operand i meets, splat to all rows. */
// @ts-ignore: decorator
@inline
function input<W, D>(x: usize, i: usize): v128 {
  if (isSigned<W>()) {
    if (i > 1) return i32x4.splat(0);
    return i == 0 ? bytes02(v128.load32_splat(x)) : bytes13(v128.load32_splat(x));
  }
  if (isSigned<D>() && i > 1) return i32x4.splat(0);
  return i == 0
    ? v128.load32_splat(x)
    : i == 1
      ? v128.load32_splat(x, 4)
      : i == 2
        ? v128.load32_splat(x, 8)
        : v128.load32_splat(x, 12);
}

/** sums + the weights of one vector times a, b, c, d, of which q8 and the relaxed forms have two. */
// @ts-ignore: decorator
@inline
function products<W, D>(sums: v128, w: v128, nibbles: v128, a: v128, b: v128, c: v128, d: v128): v128 {
  if (isSigned<W>()) return dotAdd<u16>(dotAdd<u16>(sums, bytes02(w), a), bytes13(w), b);
  if (isSigned<D>()) {
    const high = v128.and(i16x8.shr_u(w, 4), nibbles);
    return dotAdd<D>(dotAdd<D>(sums, v128.and(w, nibbles), a), high, b);
  }
  const ab = dotAdd<D>(dotAdd<D>(sums, w, a), i16x8.shr_u(w, 4), b);
  return dotAdd<D>(dotAdd<D>(ab, i16x8.shr_u(w, 8), c), i16x8.shr_u(w, 12), d);
}

/** The integer sums of a group. */
// @ts-ignore: decorator
@inline
function total<W, D>(sums: v128): v128 {
  if (isSigned<W>() || isSigned<D>()) return finish<D>(sums);
  return low16(sums);
}
