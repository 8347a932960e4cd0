import { loadF32, storeF32 } from "./vectors";

/**
 * out f32 [T, N] = x · Wᵀ, x f32 [T, C], W f32 [N, C], of it rows from (a multiple of 8) … to - 1. A tile is 4 rows × 2 tokens, or 1.
 *
 *     x    | k+0 | k+1 | k+2 | k+3 |          p_r   | j=0 | j=1 | j=2 | j=3 |     of row r
 *     w_r  | k+0 | k+1 | k+2 | k+3 |
 */
export function linearPlain(out: usize, x: usize, w: usize, T: i32, N: i32, C: i32, from: i32, to: i32): void {
  const row = <usize>C << 2;
  const next = <usize>N << 2;
  w += <usize>from * row;
  for (let n = from; n < to; n += 4) {
    let o = out + (<usize>n << 2);
    let i = x;
    let t = 0;
    if (N - n >= 4 && (C & 3) === 0) {
      for (; t < T - 1; t += 2) {
        tilePlain4x2(o, next, i, w, C);
        o += next << 1;
        i += row << 1;
      }
    }
    for (; t < T; t++) {
      tilePlain(o, i, w, N - n, C);
      o += next;
      i += row;
    }
    w += row << 2;
  }
}

/** 4 rows × 2 tokens, whose outputs lie `next` bytes apart: each weight is loaded once for both. C is a multiple of 4. */
function tilePlain4x2(out: usize, next: usize, x0: usize, w0: usize, C: i32): void {
  const row = <usize>C << 2;
  const x1 = x0 + row;
  const w1 = w0 + row;
  const w2 = w1 + row;
  const w3 = w2 + row;
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  for (let c = 0; c < C; c += 32) {
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    let q0 = f32x4.splat(0);
    let q1 = f32x4.splat(0);
    let q2 = f32x4.splat(0);
    let q3 = f32x4.splat(0);
    const end = min(c + 32, C);
    for (let k = c; k < end; k += 4) {
      const at = <usize>k << 2;
      const xs = v128.load(x0 + at);
      const ys = v128.load(x1 + at);
      let ws = v128.load(w0 + at);
      p0 = f32x4.add(p0, f32x4.mul(xs, ws));
      q0 = f32x4.add(q0, f32x4.mul(ys, ws));
      ws = v128.load(w1 + at);
      p1 = f32x4.add(p1, f32x4.mul(xs, ws));
      q1 = f32x4.add(q1, f32x4.mul(ys, ws));
      ws = v128.load(w2 + at);
      p2 = f32x4.add(p2, f32x4.mul(xs, ws));
      q2 = f32x4.add(q2, f32x4.mul(ys, ws));
      ws = v128.load(w3 + at);
      p3 = f32x4.add(p3, f32x4.mul(xs, ws));
      q3 = f32x4.add(q3, f32x4.mul(ys, ws));
    }
    a0 = f32x4.add(a0, p0);
    a1 = f32x4.add(a1, p1);
    a2 = f32x4.add(a2, p2);
    a3 = f32x4.add(a3, p3);
    b0 = f32x4.add(b0, q0);
    b1 = f32x4.add(b1, q1);
    b2 = f32x4.add(b2, q2);
    b3 = f32x4.add(b3, q3);
  }
  v128.store(out, totals(a0, a1, a2, a3));
  v128.store(out + next, totals(b0, b1, b2, b3));
}

/** Up to 4 rows × 1 token. */
function tilePlain(out: usize, x: usize, w0: usize, rows: i32, C: i32): void {
  const row = <usize>C << 2;
  const w1 = rows > 1 ? w0 + row : w0;
  const w2 = rows > 2 ? w1 + row : w1;
  const w3 = rows > 3 ? w2 + row : w2;
  let acc0 = f32x4.splat(0);
  let acc1 = f32x4.splat(0);
  let acc2 = f32x4.splat(0);
  let acc3 = f32x4.splat(0);
  for (let c = 0; c < C; c += 32) {
    let p0 = f32x4.splat(0);
    let p1 = f32x4.splat(0);
    let p2 = f32x4.splat(0);
    let p3 = f32x4.splat(0);
    const end = min(c + 32, C);
    let k = c;
    for (; k <= end - 4; k += 4) {
      const at = <usize>k << 2;
      const xs = v128.load(x + at);
      p0 = f32x4.add(p0, f32x4.mul(xs, v128.load(w0 + at)));
      p1 = f32x4.add(p1, f32x4.mul(xs, v128.load(w1 + at)));
      p2 = f32x4.add(p2, f32x4.mul(xs, v128.load(w2 + at)));
      p3 = f32x4.add(p3, f32x4.mul(xs, v128.load(w3 + at)));
    }
    if (k < end) {
      const at = <usize>k << 2;
      const left = end - k;
      const xs = loadF32(x + at, left);
      p0 = f32x4.add(p0, f32x4.mul(xs, loadF32(w0 + at, left)));
      p1 = f32x4.add(p1, f32x4.mul(xs, loadF32(w1 + at, left)));
      p2 = f32x4.add(p2, f32x4.mul(xs, loadF32(w2 + at, left)));
      p3 = f32x4.add(p3, f32x4.mul(xs, loadF32(w3 + at, left)));
    }
    acc0 = f32x4.add(acc0, p0);
    acc1 = f32x4.add(acc1, p1);
    acc2 = f32x4.add(acc2, p2);
    acc3 = f32x4.add(acc3, p3);
  }
  storeF32(out, totals(acc0, acc1, acc2, acc3), rows);
}

/** Lane i: the {@link total} of vector i. */
function totals(a: v128, b: v128, c: v128, d: v128): v128 {
  let sums = f32x4.splat(total(a));
  sums = f32x4.replace_lane(sums, 1, total(b));
  sums = f32x4.replace_lane(sums, 2, total(c));
  return f32x4.replace_lane(sums, 3, total(d));
}

/** (lane 0 + lane 1) + (lane 2 + lane 3) */
function total(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
