import { exp4 } from "./exp";

/**
 * out[t, f] = silu(gate) · up of gateUp [T, 2F] = [gate; up]; silu(g) = g / (1 + e^-g).
 *
 * With e = e^-|g| it is g · 1 / (1 + e) for g ≥ 0 and g · e / (1 + e) below: nothing overflows, and nothing is lost for a very negative g.
 * Lanes: four neighbours f at a time; of the F mod 4 left at the end each takes a vector for itself. Alignment: 4 bytes.
 * Error: 6.1 · 2^-24 of the value for g ≥ -87; below, e is denormal, and at most 105 · 2^-149 · |up| are lost.
 * silu(-∞) is NaN (-∞ · 0), as Hugging Face's is.
 */
export function swiglu(out: usize, gateUp: usize, T: i32, F: i32): void {
  const row = (<usize>F) << 2;
  const whole = row & ~15;
  for (let t = 0; t < T; t++, out += row, gateUp += row << 1) {
    const up = gateUp + row;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      v128.store(out + at, f32x4.mul(silu4(v128.load(gateUp + at)), v128.load(up + at)));
    }
    for (; at < row; at += 4) {
      v128.store32_lane(out + at, f32x4.mul(silu4(v128.load32_splat(gateUp + at)), v128.load32_splat(up + at)), 0);
    }
  }
}

// @ts-ignore: decorator
@inline
function silu4(g: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(g)));
  const one = f32x4.splat(1);
  const upper = v128.bitselect(one, e, f32x4.ge(g, f32x4.splat(0)));
  return f32x4.div(f32x4.mul(g, upper), f32x4.add(one, e));
}
