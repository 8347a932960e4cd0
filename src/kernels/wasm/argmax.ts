import { rowMax } from "./softmax";

/**
 * out[t] (i32) = index of the greatest of row t of x [T, V]: first the greatest value, then the first place that holds it. NaN is passed over;
 * a row of nothing but NaN gives 0. -0 and +0 are equal.
 * Lanes: eight, then four neighbours at a time; the rest one by one. The result does not depend on it. Alignment: 4 bytes.
 */
export function argmax(out: usize, x: usize, T: i32, V: i32): void {
  const row = (<usize>V) << 2;
  for (let t = 0; t < T; t++, out += 4, x += row) store<i32>(out, first(x, V, rowMax(x, row)));
}

/** The first i with x[i] = value, 0 if there is none. */
function first(x: usize, V: i32, value: f32): i32 {
  const wanted = f32x4.splat(value);
  let i = 0;
  for (; i <= V - 4; i += 4) {
    if (v128.any_true(f32x4.eq(v128.load(x + ((<usize>i) << 2)), wanted))) break;
  }
  for (; i < V; i++) {
    if (load<f32>(x + ((<usize>i) << 2)) == value) return i;
  }
  return 0;
}
