/**
 * out = a + b, n float32.
 *
 * Lanes: twice four neighbours at a time, `| i | i+1 | i+2 | i+3 |`; the 0 to 7 left at the end one by one.
 * Alignment: 4 bytes. Same bits as the reference.
 */
export function add(out: usize, a: usize, b: usize, n: i32): void {
  const end = out + (<usize>n << 2);
  for (; out + 32 <= end; out += 32, a += 32, b += 32) {
    const low = f32x4.add(v128.load(a), v128.load(b));
    v128.store(out, f32x4.add(v128.load(a, 16), v128.load(b, 16)), 16);
    v128.store(out, low);
  }
  for (; out < end; out += 4, a += 4, b += 4) store<f32>(out, load<f32>(a) + load<f32>(b));
}
