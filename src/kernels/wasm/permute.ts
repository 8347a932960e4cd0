/** out f32 [T, C] = columns order (i32 [C]) of x [T, C]. One at a time: SIMD has no gather. Alignment: 4 bytes. */
export function permute(out: usize, x: usize, order: usize, T: i32, C: i32): void {
  const row = <usize>C << 2;
  for (let t = 0; t < T; t++, x += row) {
    for (let i = order; i < order + row; i += 4, out += 4) store<f32>(out, load<f32>(x + (<usize>load<i32>(i) << 2)));
  }
}
