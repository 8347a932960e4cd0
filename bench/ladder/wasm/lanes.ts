import { startAt } from "../../../src/kernels/wasm/dot";
import { first4, last4, topHalves } from "../../../src/kernels/wasm/f16";
import { addGroup, bytes02, bytes13, scaledUp, storeSums } from "../../../src/kernels/wasm/int8-tile";
import { groupOf, SPARE, stepOf } from "./rung";

/** A row stays in its lane: nibbles are taken out of i16 lanes where they lie. */
export function lanes(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  walk<u8>(out, q, scale, offset, w, T, N, G);
}

/** The same, with the mask loaded from memory. */
export function lanesMask(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  walk<i8>(out, q, scale, offset, w, T, N, G);
}

function walk<M>(out: usize, q: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32): void {
  for (let n = 0; n < N; n += 8) {
    for (let t = 0; t < T; t++) {
      const at = <usize>groupOf(T, t, G);
      const to = out + (<usize>(t * N + n) << 2);
      tile<M>(to, q + (at << 5), scale + (at << 2), offset + (at << 3), w, N - n, G, stepOf(T));
    }
    w += <usize>G * 144;
  }
}

const NIBBLE = memory.data<i16>([15, 15, 15, 15, 15, 15, 15, 15], 16);

/** i16 × 8: 15. */
// @ts-ignore: decorator
@inline
function mask<M>(): v128 {
  return isSigned<M>() ? v128.load(NIBBLE) : i16x8.splat(15);
}

function tile<M>(out: usize, q: usize, scale: usize, offset: usize, w: usize, rows: i32, G: i32, step: usize): void {
  const nibble = mask<M>();
  let lo = f32x4.splat(0); // rows 0-3
  let hi = f32x4.splat(0); // rows 4-7
  for (let g = 0; g < G; g++) {
    let sumsLo = startAt<u16>(offset); // -8 · Σ q, in all rows
    let sumsHi = sumsLo;
    for (let k = 0; k < 32; k += 8) {
      const x = v128.load32_splat(q + k); // inputs k … k+3, as bytes
      const y = v128.load32_splat(q + k, 4); // inputs k+4 … k+7
      const x02 = bytes02(x); // as i16
      const x13 = bytes13(x);
      const y02 = bytes02(y);
      const y13 = bytes13(y);
      sumsLo = products(sumsLo, v128.load(w + (k << 2), 16), nibble, x02, x13, y02, y13);
      sumsHi = products(sumsHi, v128.load(w + (k << 2), 32), nibble, x02, x13, y02, y13);
    }
    const h = v128.load(w);
    const top = topHalves(h);
    const s = v128.load32_splat(scale);
    lo = addGroup(lo, sumsLo, scaledUp(first4(h, top)), s);
    hi = addGroup(hi, sumsHi, scaledUp(last4(h, top)), s);
    w += 144;
    q += step << 5;
    scale += step << 2;
    offset += step << 3;
  }
  storeSums(out, SPARE, lo, hi, rows);
}

/** sums + 4 rows × 8 inputs. Of a row's 32 bits the i16 at bits 0 and 16 hold inputs k and k+2 in their lowest nibbles, then k+4 and k+6, k+1 and k+3, k+5 and k+7. */
// @ts-ignore: decorator
@inline
function products(sums: v128, w: v128, nibble: v128, x02: v128, x13: v128, y02: v128, y13: v128): v128 {
  sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.and(w, nibble), x02));
  sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 4), nibble), y02));
  sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 8), nibble), x13));
  return i32x4.add(sums, i32x4.dot_i16x8_s(i16x8.shr_u(w, 12), y13));
}
