/**
 * out[t, d] = (x[t, d] · r) · weight[d], r = 1 / sqrt(mean(x²) + eps); T rows of D.
 *
 * The squares are exact in float64 and summed there: no overflow, and what the order of summation leaves behind is far below a float32.
 * Lanes: element d goes to sum d mod 8, `| 0 1 | 2 3 | 4 5 | 6 7 |` in four f64x2; the D mod 8 left at the end go to a sum of their own.
 * The sums are joined in one order, ((0 1) + (4 5)) + ((2 3) + (6 7)), then the two lanes, then the rest. Alignment: 4 bytes.
 * Error: three roundings (r, x · r, the product with the weight), 2^-24 of the value each.
 */
export function rmsnorm(out: usize, x: usize, weight: usize, T: i32, D: i32, eps: f64): void {
  const row = (<usize>D) << 2;
  for (let t = 0; t < T; t++, out += row, x += row) {
    const r = <f32>(1.0 / sqrt<f64>(sumOfSquares(x, D) / <f64>D + eps));
    const r4 = f32x4.splat(r);
    let d = 0;
    for (; d <= D - 8; d += 8) {
      const at = (<usize>d) << 2;
      const low = f32x4.mul(f32x4.mul(v128.load(x + at), r4), v128.load(weight + at));
      v128.store(out + at, f32x4.mul(f32x4.mul(v128.load(x + at, 16), r4), v128.load(weight + at, 16)), 16);
      v128.store(out + at, low);
    }
    for (; d < D; d++) {
      const at = (<usize>d) << 2;
      store<f32>(out + at, load<f32>(x + at) * r * load<f32>(weight + at));
    }
  }
}

function sumOfSquares(x: usize, D: i32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let e = f64x2.splat(0);
  let d = 0;
  for (; d <= D - 8; d += 8) {
    const at = x + ((<usize>d) << 2);
    a = f64x2.add(a, square(v128.load64_zero(at)));
    b = f64x2.add(b, square(v128.load64_zero(at, 8)));
    c = f64x2.add(c, square(v128.load64_zero(at, 16)));
    e = f64x2.add(e, square(v128.load64_zero(at, 24)));
  }
  let rest: f64 = 0;
  for (; d < D; d++) {
    const v = <f64>load<f32>(x + ((<usize>d) << 2));
    rest += v * v;
  }
  const s = f64x2.add(f64x2.add(a, c), f64x2.add(b, e));
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1) + rest;
}

/** The squares of two float32, exact in float64. */
// @ts-ignore: decorator
@inline
function square(two: v128): v128 {
  const v = f64x2.promote_low_f32x4(two);
  return f64x2.mul(v, v);
}
