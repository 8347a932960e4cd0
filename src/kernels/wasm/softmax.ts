import { exp1, exp4 } from "./exp";

/**
 * out[t, i] = e^(x[t, i] - max) / Σ e^(x[t, ·] - max); T rows of N. out may be x.
 *
 * Lanes: element i of the first 4·⌊N/4⌋ goes to sum i mod 4, `| 0 1 | 2 3 |` in two f64x2 (float64: a vocabulary has 200064 terms); the rest to a
 * sum of its own, with the same exp. The sums are joined as (0 1) + (2 3), then the two lanes, then the rest. Alignment: 4 bytes.
 * Error: (4.1 + |x - max|) · 2^-24 of the value, the second part from rounding x - max.
 * A row with NaN or ∞ in it, or with nothing but -∞, becomes NaN throughout, as in PyTorch.
 */
export function softmax(out: usize, x: usize, T: i32, N: i32): void {
  const row = (<usize>N) << 2;
  const whole = row & ~15;
  for (let t = 0; t < T; t++, out += row, x += row) {
    const m = rowMax(x, row);
    const m4 = f32x4.splat(m);
    let a = f64x2.splat(0);
    let b = f64x2.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const e = exp4(f32x4.sub(v128.load(x + at), m4));
      v128.store(out + at, e);
      a = f64x2.add(a, f64x2.promote_low_f32x4(e));
      b = f64x2.add(b, f64x2.promote_low_f32x4(i8x16.shuffle(e, e, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)));
    }
    let rest: f64 = 0;
    for (; at < row; at += 4) {
      const e = exp1(load<f32>(x + at) - m);
      store<f32>(out + at, e);
      rest += <f64>e;
    }
    const s = f64x2.add(a, b);
    const sum = <f32>(f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1) + rest);
    const sum4 = f32x4.splat(sum);
    for (at = 0; at < whole; at += 16) v128.store(out + at, f32x4.div(v128.load(out + at), sum4));
    for (; at < row; at += 4) store<f32>(out + at, load<f32>(out + at) / sum);
  }
}

/** The greatest number of a row that is not NaN, -∞ if there is none. pmax(a, b) is a < b ? b : a: a NaN in b is passed over. */
export function rowMax(x: usize, bytes: usize): f32 {
  const end = x + bytes;
  let a = f32x4.splat(-Infinity);
  let b = a;
  for (; x + 32 <= end; x += 32) {
    a = f32x4.pmax(a, v128.load(x));
    b = f32x4.pmax(b, v128.load(x, 16));
  }
  let m = greatest(f32x4.pmax(a, b));
  for (; x < end; x += 4) {
    const v = load<f32>(x);
    if (v > m) m = v;
  }
  return m;
}

/** The greatest of four numbers; a NaN among them is passed over (if it is not the first). */
// @ts-ignore: decorator
@inline
export function greatest(v: v128): f32 {
  let w = f32x4.pmax(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  w = f32x4.pmax(w, i8x16.shuffle(w, w, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  return f32x4.extract_lane(w, 0);
}
