/**
 * out[t, d] = (x[t, d] - mean) · r · weight[d] + bias[d], r = 1 / sqrt(var + eps), var the biased variance; T rows of D.
 *
 * Everything in float64, rounded once at the end: the mean may be thousands of times as large as what is left when it is subtracted.
 * Lanes: element d goes to sum d mod 4, `| 0 1 | 2 3 |` in two f64x2; the D mod 4 left at the end go to a sum of their own. The sums are
 * joined as (0 1) + (2 3), then the two lanes, then the rest. Alignment: 4 bytes.
 * Error: one rounding.
 */
export function layernorm(out: usize, x: usize, weight: usize, bias: usize, T: i32, D: i32, eps: f64): void {
  const row = (<usize>D) << 2;
  for (let t = 0; t < T; t++, out += row, x += row) {
    const mean = sumAround(x, D, 0, false) / <f64>D;
    const r = 1.0 / sqrt<f64>(sumAround(x, D, mean, true) / <f64>D + eps);
    const mean2 = f64x2.splat(mean);
    const r2 = f64x2.splat(r);
    let d = 0;
    for (; d <= D - 2; d += 2) {
      const at = (<usize>d) << 2;
      const centred = f64x2.sub(pair(x + at), mean2);
      const y = f64x2.add(f64x2.mul(f64x2.mul(centred, r2), pair(weight + at)), pair(bias + at));
      v128.store64_lane(out + at, f32x4.demote_f64x2_zero(y), 0);
    }
    if (d < D) {
      const at = (<usize>d) << 2;
      const centred = <f64>load<f32>(x + at) - mean;
      store<f32>(out + at, <f32>(centred * r * <f64>load<f32>(weight + at) + <f64>load<f32>(bias + at)));
    }
  }
}

/** Σ (x - centre), or Σ (x - centre)². */
// @ts-ignore: decorator
@inline
function sumAround(x: usize, D: i32, centre: f64, squared: bool): f64 {
  const c = f64x2.splat(centre);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let d = 0;
  for (; d <= D - 4; d += 4) {
    const at = x + ((<usize>d) << 2);
    const u = f64x2.sub(pair(at), c);
    const v = f64x2.sub(pair(at + 8), c);
    a = f64x2.add(a, squared ? f64x2.mul(u, u) : u);
    b = f64x2.add(b, squared ? f64x2.mul(v, v) : v);
  }
  let rest: f64 = 0;
  for (; d < D; d++) {
    const u = <f64>load<f32>(x + ((<usize>d) << 2)) - centre;
    rest += squared ? u * u : u;
  }
  const s = f64x2.add(a, b);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1) + rest;
}

/** Two float32 as float64. */
// @ts-ignore: decorator
@inline
function pair(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}
