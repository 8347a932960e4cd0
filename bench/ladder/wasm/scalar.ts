import { groupOf, stepOf } from "./rung";

/** The definition as it stands: a row, its groups, their 32 weights, one after the other. */
export function scalar(
  out: usize, q: usize, _pairs: usize, scale: usize, _offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  for (let n = 0; n < N; n++) {
    const row = w + <usize>(n >> 3) * <usize>G * 144;
    for (let t = 0; t < T; t++) {
      const at = <usize>groupOf(T, t, G);
      store<f32>(out + (<usize>(t * N + n) << 2), dotRow(q + (at << 5), scale + (at << 2), row, n & 7, G, stepOf(T)));
    }
  }
}

/** Row r of the 8 rows from w, times one token. */
function dotRow(q: usize, scale: usize, w: usize, r: i32, G: i32, step: usize): f32 {
  const nibbles = w + 16 + ((r >> 2) << 4) + ((r & 3) << 2); // of the row's first 8 inputs: 4 bytes
  let acc: f32 = 0;
  for (let g = 0; g < G; g++) {
    const block = <usize>g * 144;
    let sum = 0;
    for (let k = 0; k < 32; k++) {
      const byte = <i32>load<u8>(nibbles + block + ((k >> 3) << 5) + (k & 3));
      const weight = ((byte >> (k & 4)) & 15) - 8;
      sum += weight * load<i8>(q + k);
    }
    acc += <f32>sum * (f16(load<u16>(w + block + (r << 1))) * load<f32>(scale));
    q += step << 5;
    scale += step << 2;
  }
  return acc;
}

/** An f16 as float32: its bits, 13 places further up, stand for 2^-112 of the value (src/kernels/wasm/f16.ts). */
// @ts-ignore: decorator
@inline
function f16(bits: u32): f32 {
  const value = reinterpret<f32>(((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13)) * reinterpret<f32>(0x77800000);
  if ((bits & 0x7c00) != 0x7c00) return value;
  return reinterpret<f32>(reinterpret<u32>(value) | 0x7f800000); // infinity, NaN
}
