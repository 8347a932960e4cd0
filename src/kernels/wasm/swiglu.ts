import { exp4 } from "./exp";

/**
 * out[t, f] = silu(gate) · up of gateUp [T, 2F] = [gate; up]; silu(g) = g / (1 + e^-g).
 *
 * With e = e^-|g| it is g · 1 / (1 + e) for g ≥ 0 and g · e / (1 + e) below: nothing overflows, and nothing is lost for a very negative g.
 * Lanes: twice four neighbours f at a time, of which V8 can make one vector (gemv.ts); of the F mod 8 left at the end each takes a vector for itself. Alignment: 4 bytes.
 * Error: 6.1 · 2^-24 of the value for g ≥ -87; below, e is denormal, and at most 105 · 2^-149 · |up| are lost.
 * silu(-∞) is NaN (-∞ · 0), as Hugging Face's is.
 */
export function swiglu(out: usize, gateUp: usize, T: i32, F: i32): void {
  const row = (<usize>F) << 2;
  for (let t = 0; t < T; t++, out += row, gateUp += row << 1) {
    const up = gateUp + row;
    let at: usize = 0;
    for (; at + 32 <= row; at += 32) {
      const low = f32x4.mul(silu4(v128.load(gateUp + at)), v128.load(up + at));
      const high = f32x4.mul(silu4(v128.load(gateUp + at, 16)), v128.load(up + at, 16));
      v128.store(out + at, high, 16);
      v128.store(out + at, low);
    }
    for (; at < row; at += 4) {
      v128.store32_lane(out + at, f32x4.mul(silu4(v128.load32_splat(gateUp + at)), v128.load32_splat(up + at)), 0);
    }
  }
}

/** Constants lie in memory, as in exp.ts. */
const SIGN = memory.data<u32>([0x80000000]);
const ONE = memory.data<f32>([1]);

// @ts-ignore: decorator
@inline
function silu4(g: v128): v128 {
  const e = exp4(v128.or(g, v128.load32_splat(SIGN))); // e^-|g|
  const one = v128.load32_splat(ONE);
  const upper = v128.bitselect(one, e, f32x4.ge(g, f32x4.splat(0)));
  return f32x4.div(f32x4.mul(g, upper), f32x4.add(one, e));
}
