import { first4, last4, topHalves } from "../../../src/kernels/wasm/f16";
import { addGroup, scaledUp, storeSums } from "../../../src/kernels/wasm/int8-tile";
import { groupOf, SPARE, stepOf } from "./rung";

/** 8 rows at a time. Nibbles become bytes, 8 is taken off, bytes become i16, and pairs of these are multiplied and added. */
export function extend(
  out: usize, q: usize, _pairs: usize, scale: usize, _offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  for (let n = 0; n < N; n += 8) {
    for (let t = 0; t < T; t++) {
      const at = <usize>groupOf(T, t, G);
      tile(out + (<usize>(t * N + n) << 2), q + (at << 5), scale + (at << 2), w, N - n, G, stepOf(T));
    }
    w += <usize>G * 144;
  }
}

function tile(out: usize, q: usize, scale: usize, w: usize, rows: i32, G: i32, step: usize): void {
  let lo = f32x4.splat(0); // rows 0-3
  let hi = f32x4.splat(0); // rows 4-7
  for (let g = 0; g < G; g++) {
    let r01 = i32x4.splat(0); // rows 0 and 1, each in two lanes
    let r23 = i32x4.splat(0);
    let r45 = i32x4.splat(0);
    let r67 = i32x4.splat(0);
    for (let k = 0; k < 32; k += 8) {
      const x = v128.load32_splat(q + k); // inputs k … k+3
      const y = v128.load32_splat(q + k, 4); // inputs k+4 … k+7
      const a = i16x8.extend_low_i8x16_s(x);
      const b = i16x8.extend_low_i8x16_s(y);
      const v = v128.load(w + (k << 2), 16);
      const vLow = i8x16.sub(v128.and(v, i8x16.splat(15)), i8x16.splat(8));
      const vHigh = i8x16.sub(i8x16.shr_u(v, 4), i8x16.splat(8));
      r01 = i32x4.add(r01, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(vLow), a));
      r23 = i32x4.add(r23, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(vLow), a));
      r01 = i32x4.add(r01, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(vHigh), b));
      r23 = i32x4.add(r23, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(vHigh), b));
      const u = v128.load(w + (k << 2), 32);
      const uLow = i8x16.sub(v128.and(u, i8x16.splat(15)), i8x16.splat(8));
      const uHigh = i8x16.sub(i8x16.shr_u(u, 4), i8x16.splat(8));
      r45 = i32x4.add(r45, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(uLow), a));
      r67 = i32x4.add(r67, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(uLow), a));
      r45 = i32x4.add(r45, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(uHigh), b));
      r67 = i32x4.add(r67, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(uHigh), b));
    }
    const h = v128.load(w);
    const top = topHalves(h);
    const s = v128.load32_splat(scale);
    lo = addGroup(lo, joined(r01, r23), scaledUp(first4(h, top)), s);
    hi = addGroup(hi, joined(r45, r67), scaledUp(last4(h, top)), s);
    w += 144;
    q += step << 5;
    scale += step << 2;
  }
  storeSums(out, SPARE, lo, hi, rows);
}

/** The two lanes of each row as one. */
// @ts-ignore: decorator
@inline
function joined(r01: v128, r23: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(r01, r23, 0, 2, 4, 6), v128.shuffle<i32>(r01, r23, 1, 3, 5, 7));
}
