/**
 * out = a + b, n float32.
 *
 * Lanes: four neighbours at a time, `| i | i+1 | i+2 | i+3 |`; the 0 to 3 left at the end one by one.
 * Alignment: 4 bytes. Same bits as the reference.
 */
export function add(out: usize, a: usize, b: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 4; i += 4) {
    const at = <usize>i << 2;
    v128.store(out + at, f32x4.add(v128.load(a + at), v128.load(b + at)));
  }
  for (; i < n; i++) {
    const at = <usize>i << 2;
    store<f32>(out + at, load<f32>(a + at) + load<f32>(b + at));
  }
}
