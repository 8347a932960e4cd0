import { Pair, SCORES } from "./online-softmax";

/**
 * Scores of the keys from … to - 1 (multiples of 4): (q · k_j) · scale, q f32 [dh], k f32 [32, dh].
 *
 * Lanes: dim d of the first 4·⌊dh/4⌋ goes to lane d mod 4 of key j's own sum, ascending; the sum is (lane 0 + lane 2) + (lane 1 + lane 3), then the
 * dh mod 4 dims left, ascending. Four keys are taken at once, their lanes turned so that the result is `| j | j+1 | j+2 | j+3 |`.
 */
export function scoresF32(p: Pair, q: usize, k: usize, dh: i32, from: i32, to: i32, scale: f32): void {
  const head = (<usize>dh) << 2;
  const whole = head & ~15;
  let out = changetype<usize>(p) + SCORES + (<usize>from << 2);
  for (let j = from; j < to; j += 4, out += 16) {
    const k0 = k + <usize>j * head;
    const k1 = k0 + head;
    const k2 = k1 + head;
    const k3 = k2 + head;
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const x = v128.load(q + at);
      a = f32x4.add(a, f32x4.mul(x, v128.load(k0 + at)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(k1 + at)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(k2 + at)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(k3 + at)));
    }
    // | a0 b0 a1 b1 | + | a2 b2 a3 b3 |, the same of c and d, then the four sums side by side.
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    let s = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    for (; at < head; at += 4) {
      let y = v128.load32_zero(k0 + at);
      y = v128.load32_lane(k1 + at, y, 1);
      y = v128.load32_lane(k2 + at, y, 2);
      y = v128.load32_lane(k3 + at, y, 3);
      s = f32x4.add(s, f32x4.mul(v128.load32_splat(q + at), y));
    }
    v128.store(out, f32x4.mul(s, f32x4.splat(scale)));
  }
}

/**
 * out[d] = out[d] · correction + Σ p_j · v_j[d], ascending j of the keys that the pair sees; v f32 [32, dh]. Other keys' values are not touched: what
 * lies there may be NaN. Each dim is on its own, so that eight vectors, one vector or one dim at a time give the same bits.
 */
export function mixF32(p: Pair, out: usize, v: usize, dh: i32): void {
  const head = (<usize>dh) << 2;
  const begin = changetype<usize>(p) + SCORES + (<usize>p.from << 2);
  const end = changetype<usize>(p) + SCORES + (<usize>p.to << 2);
  const c4 = f32x4.splat(p.correction);
  v += <usize>p.from * head;
  let at: usize = 0;
  for (; at + 128 <= head; at += 128) {
    const o = out + at;
    let x0 = f32x4.mul(v128.load(o), c4);
    let x1 = f32x4.mul(v128.load(o, 16), c4);
    let x2 = f32x4.mul(v128.load(o, 32), c4);
    let x3 = f32x4.mul(v128.load(o, 48), c4);
    let x4 = f32x4.mul(v128.load(o, 64), c4);
    let x5 = f32x4.mul(v128.load(o, 80), c4);
    let x6 = f32x4.mul(v128.load(o, 96), c4);
    let x7 = f32x4.mul(v128.load(o, 112), c4);
    let y = v + at;
    for (let e = begin; e < end; e += 4, y += head) {
      const w = v128.load32_splat(e);
      x0 = f32x4.add(x0, f32x4.mul(w, v128.load(y)));
      x1 = f32x4.add(x1, f32x4.mul(w, v128.load(y, 16)));
      x2 = f32x4.add(x2, f32x4.mul(w, v128.load(y, 32)));
      x3 = f32x4.add(x3, f32x4.mul(w, v128.load(y, 48)));
      x4 = f32x4.add(x4, f32x4.mul(w, v128.load(y, 64)));
      x5 = f32x4.add(x5, f32x4.mul(w, v128.load(y, 80)));
      x6 = f32x4.add(x6, f32x4.mul(w, v128.load(y, 96)));
      x7 = f32x4.add(x7, f32x4.mul(w, v128.load(y, 112)));
    }
    v128.store(o, x0);
    v128.store(o, x1, 16);
    v128.store(o, x2, 32);
    v128.store(o, x3, 48);
    v128.store(o, x4, 64);
    v128.store(o, x5, 80);
    v128.store(o, x6, 96);
    v128.store(o, x7, 112);
  }
  for (; at + 16 <= head; at += 16) {
    let x = f32x4.mul(v128.load(out + at), c4);
    let y = v + at;
    for (let e = begin; e < end; e += 4, y += head) x = f32x4.add(x, f32x4.mul(v128.load32_splat(e), v128.load(y)));
    v128.store(out + at, x);
  }
  for (; at < head; at += 4) {
    let x = load<f32>(out + at) * p.correction;
    let y = v + at;
    for (let e = begin; e < end; e += 4, y += head) x += load<f32>(e) * load<f32>(y);
    store<f32>(out + at, x);
  }
}
