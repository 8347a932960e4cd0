/**
 * In place, on the first `heads` of n heads of each row of x [T, n, dh]: of the first R = 2·half dims, dim i and dim i + half turn together
 * by the angle whose cos and sin stand at [t, i].
 *
 *     x[i]        = x[i] · cos - x[i + half] · sin
 *     x[i + half] = x[i + half] · cos + x[i] · sin
 *
 * Lanes: twice four neighbours i at a time; the half mod 8 left at the end one by one, with the same operations. Alignment: 4 bytes.
 * Error: each product and the sum are rounded, as Hugging Face's float32 does it: the same bits.
 */
export function rope(x: usize, cos: usize, sin: usize, T: i32, n: i32, heads: i32, dh: i32, half: i32): void {
  const head = (<usize>dh) << 2;
  const other = (<usize>half) << 2;
  for (let t = 0; t < T; t++, cos += other, sin += other, x += <usize>n * head) {
    for (let h = 0; h < heads; h++) {
      const lower = x + <usize>h * head;
      const upper = lower + other;
      let i = 0;
      for (; i <= half - 8; i += 8) {
        const at = (<usize>i) << 2;
        const a0 = v128.load(lower + at);
        const a1 = v128.load(lower + at, 16);
        const b0 = v128.load(upper + at);
        const b1 = v128.load(upper + at, 16);
        const c0 = v128.load(cos + at);
        const c1 = v128.load(cos + at, 16);
        const s0 = v128.load(sin + at);
        const s1 = v128.load(sin + at, 16);
        v128.store(lower + at, f32x4.sub(f32x4.mul(a1, c1), f32x4.mul(b1, s1)), 16);
        v128.store(lower + at, f32x4.sub(f32x4.mul(a0, c0), f32x4.mul(b0, s0)));
        v128.store(upper + at, f32x4.add(f32x4.mul(b1, c1), f32x4.mul(a1, s1)), 16);
        v128.store(upper + at, f32x4.add(f32x4.mul(b0, c0), f32x4.mul(a0, s0)));
      }
      for (; i < half; i++) {
        const at = (<usize>i) << 2;
        const a = load<f32>(lower + at);
        const b = load<f32>(upper + at);
        const c = load<f32>(cos + at);
        const s = load<f32>(sin + at);
        store<f32>(lower + at, a * c - b * s);
        store<f32>(upper + at, b * c + a * s);
      }
    }
  }
}
