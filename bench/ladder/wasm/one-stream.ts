import { dotAdd, finish, low16, startAt } from "../../../src/kernels/wasm/dot";
import { first4, last4, topHalves } from "../../../src/kernels/wasm/f16";
import { addGroup, NIBBLES, scaledUp, storeSums } from "../../../src/kernels/wasm/int8-tile";
import { groupOf, SPARE, stepOf } from "./rung";

/** Activations as the dot product wants them, prepared once for all rows. T = 1. */
export function pairs(
  out: usize, _q: usize, pairs: usize, scale: usize, offset: usize, w: usize, _T: i32, N: i32, G: i32,
): void {
  for (let n = 0; n < N; n += 8) {
    tile<u16>(out + (<usize>n << 2), pairs, scale, offset, w, N - n, G, 1);
    w += <usize>G * 144;
  }
}

/** Bytes times nibbles, by relaxed SIMD: `D` as in src/kernels/wasm/dot.ts. */
export function relaxed<D>(out: usize, q: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32): void {
  for (let n = 0; n < N; n += 8) {
    for (let t = 0; t < T; t++) {
      const at = <usize>groupOf(T, t, G);
      const to = out + (<usize>(t * N + n) << 2);
      tile<D>(to, q + (at << 5), scale + (at << 2), offset + (at << 3), w, N - n, G, stepOf(T));
    }
    w += <usize>G * 144;
  }
}

function tile<D>(out: usize, x: usize, scale: usize, offset: usize, w: usize, rows: i32, G: i32, step: usize): void {
  const nibbles = v128.load(NIBBLES);
  let lo = f32x4.splat(0); // rows 0-3
  let hi = f32x4.splat(0); // rows 4-7
  for (let g = 0; g < G; g++) {
    let sumsLo = startAt<D>(offset);
    let sumsHi = sumsLo;
    const block = w;
    for (const end = w + 128; w < end; w += 32) {
      sumsLo = products<D>(sumsLo, v128.load(w, 16), nibbles, x);
      sumsHi = products<D>(sumsHi, v128.load(w, 32), nibbles, x);
      x += isSigned<D>() ? 8 : 16;
    }
    const h = v128.load(block);
    const top = topHalves(h);
    const s = v128.load32_splat(scale);
    lo = addGroup(lo, total<D>(sumsLo), scaledUp(first4(h, top)), s);
    hi = addGroup(hi, total<D>(sumsHi), scaledUp(last4(h, top)), s);
    w += 16;
    if (isSigned<D>()) x += (step - 1) << 5;
    scale += step << 2;
    offset += step << 3;
  }
  storeSums(out, SPARE, lo, hi, rows);
}

/** sums + 4 rows × 8 inputs. */
// @ts-ignore: decorator
@inline
function products<D>(sums: v128, w: v128, nibbles: v128, x: usize): v128 {
  if (isSigned<D>()) {
    sums = dotAdd<D>(sums, v128.and(w, nibbles), v128.load32_splat(x));
    return dotAdd<D>(sums, v128.and(i16x8.shr_u(w, 4), nibbles), v128.load32_splat(x, 4));
  }
  sums = dotAdd<D>(sums, w, v128.load32_splat(x));
  sums = dotAdd<D>(sums, i16x8.shr_u(w, 4), v128.load32_splat(x, 4));
  sums = dotAdd<D>(sums, i16x8.shr_u(w, 8), v128.load32_splat(x, 8));
  return dotAdd<D>(sums, i16x8.shr_u(w, 12), v128.load32_splat(x, 12));
}

/** A group's integers: of pairs the lower 16 bits are right (src/kernels/wasm/gemv.ts). */
// @ts-ignore: decorator
@inline
function total<D>(sums: v128): v128 {
  return isSigned<D>() ? finish<D>(sums) : low16(sums);
}
