import { exp4 } from "./exp";

/**
 * out[i] = g · sigmoid(1.702 g) · (u + 1) of the n pairs | gate 0 up 0 | gate 1 up 1 | … of x: g = min(gate, limit), u = up between -limit and limit; an
 * infinity stays one. n = T · F: rows have no tails of their own.
 *
 * With e = e^-|v|, v = 1.702 g, the sigmoid is 1 / (1 + e) for g ≥ 0 and e / (1 + e) below: nothing overflows, nothing cancels.
 * Lanes: two vectors of pairs become `| g0 g1 g2 g3 |` and `| u0 u1 u2 u3 |`, twice at a time; of the n mod 8 pairs left at the end each takes a vector for itself.
 * Alignment: 4 bytes. Error: (8 + 2 |v|) · 2^-24 of the value for g < 0 (rounding v moves e^v), 8 · 2^-24 above; where e is denormal, at most
 * 105 · 2^-149 · |g (u + 1)| are lost. A gate of -∞ gives NaN (-∞ · 0).
 */
export function geglu(out: usize, x: usize, n: i32, limit: f32): void {
  const most = f32x4.splat(limit);
  const end = out + ((<usize>n) << 2);
  for (; out + 32 <= end; out += 32, x += 64) {
    const low = four(v128.load(x), v128.load(x, 16), most);
    v128.store(out, four(v128.load(x, 32), v128.load(x, 48), most), 16);
    v128.store(out, low);
  }
  for (; out < end; out += 4, x += 8) {
    v128.store32_lane(out, gated(v128.load32_splat(x), v128.load32_splat(x, 4), most), 0);
  }
}

// @ts-ignore: decorator
@inline
function four(a: v128, b: v128, most: v128): v128 {
  return gated(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7), most);
}

/** Constants lie in memory, as in exp.ts. */
const ONE = memory.data<f32>([1]);
const SIGN = memory.data<u32>([0x80000000]);
const SLOPE = memory.data<f32>([1.702]);
const INFINITE = memory.data<f32>([Infinity]);

// @ts-ignore: decorator
@inline
function gated(gate: v128, up: v128, most: v128): v128 {
  const one = v128.load32_splat(ONE);
  // pmin(x, limit) is limit < x ? limit : x, and so hands NaN on.
  const g = unlessInfinite(gate, f32x4.pmin(gate, most));
  const u = unlessInfinite(up, f32x4.pmax(f32x4.pmin(up, most), f32x4.neg(most)));
  const e = exp4(v128.or(f32x4.mul(g, v128.load32_splat(SLOPE)), v128.load32_splat(SIGN))); // e^-|v|
  const upper = v128.bitselect(one, e, f32x4.ge(g, f32x4.splat(0)));
  return f32x4.mul(f32x4.div(f32x4.mul(g, upper), f32x4.add(one, e)), f32x4.add(u, one));
}

/** `clamped`, and x where that is infinite. */
// @ts-ignore: decorator
@inline
function unlessInfinite(x: v128, clamped: v128): v128 {
  return v128.bitselect(x, clamped, f32x4.eq(f32x4.abs(x), v128.load32_splat(INFINITE)));
}
