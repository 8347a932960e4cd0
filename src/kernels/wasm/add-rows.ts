/**
 * out[ids[i], d] += weights[i] · x[i, d], n rows of D float32.
 *
 * Lanes: twice four neighbours d at a time, `| d | d+1 | d+2 | d+3 |`; the 0 to 7 left at the end one by one. A product and a sum, each rounded.
 * Alignment: 4 bytes. Same bits as the reference.
 */
export function addRows(out: usize, ids: usize, x: usize, weights: usize, n: i32, D: i32): void {
  const row = <usize>D << 2;
  for (let i = 0; i < n; i++, ids += 4, weights += 4, x += row) {
    const to = out + <usize>load<i32>(ids) * row;
    const w = v128.load32_splat(weights);
    let at: usize = 0;
    for (; at + 32 <= row; at += 32) {
      const low = f32x4.add(v128.load(to + at), f32x4.mul(w, v128.load(x + at)));
      v128.store(to + at, f32x4.add(v128.load(to + at, 16), f32x4.mul(w, v128.load(x + at, 16))), 16);
      v128.store(to + at, low);
    }
    for (; at < row; at += 4) {
      store<f32>(to + at, load<f32>(to + at) + load<f32>(weights) * load<f32>(x + at));
    }
  }
}
