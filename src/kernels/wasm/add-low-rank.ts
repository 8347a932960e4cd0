import { loadF32, storeF32 } from "./vectors";

/**
 * out f32 [T, N], of which n neighbouring columns += scale · u · Bᵀ, u f32 [T, R] of which r neighbouring columns, B [n, r] (../low-rank.ts).
 * `out` and `u` are where these columns begin.
 *
 * Lanes: a lane is a row of B; a tile is 8 rows × 4 tokens, or 1.
 *
 *     b_j | row 0 | row 1 | row 2 | row 3 |  | row 4 | row 5 | row 6 | row 7 |        acc = acc + u_j · b_j
 *
 * Of the rows the blocks begin … end - 1 of 8, whose bits do not depend on how blocks are cut into calls. Rows past n are computed and not stored.
 * Alignment: B 16 bytes, the others 4.
 */
export function addLowRank(
  out: usize, N: i32, u: usize, R: i32, b: usize, T: i32, n: i32, r: i32, scale: f32, begin: i32, end: i32,
): void {
  const block = <usize>r << 5;
  const next = <usize>N << 2;
  const token = <usize>R << 2;
  b += <usize>begin * block;
  for (let i = begin; i < end; i++) {
    let o = out + (<usize>i << 5);
    let x = u;
    let t = 0;
    for (; t <= T - 4; t += 4) {
      tile4(o, next, x, token, b, n - (i << 3), r, scale);
      o += next << 2;
      x += token << 2;
    }
    for (; t < T; t++) {
      tile1(o, x, b, n - (i << 3), r, scale);
      o += next;
      x += token;
    }
    b += block;
  }
}

function tile4(out: usize, next: usize, x0: usize, token: usize, b: usize, rows: i32, r: i32, scale: f32): void {
  const x1 = x0 + token;
  const x2 = x1 + token;
  const x3 = x2 + token;
  let l0 = f32x4.splat(0);
  let l1 = f32x4.splat(0);
  let l2 = f32x4.splat(0);
  let l3 = f32x4.splat(0);
  let h0 = f32x4.splat(0);
  let h1 = f32x4.splat(0);
  let h2 = f32x4.splat(0);
  let h3 = f32x4.splat(0);
  for (let j: usize = 0, end = <usize>r << 2; j < end; j += 4, b += 32) {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    let u = v128.load32_splat(x0 + j);
    l0 = f32x4.add(l0, f32x4.mul(u, low));
    h0 = f32x4.add(h0, f32x4.mul(u, high));
    u = v128.load32_splat(x1 + j);
    l1 = f32x4.add(l1, f32x4.mul(u, low));
    h1 = f32x4.add(h1, f32x4.mul(u, high));
    u = v128.load32_splat(x2 + j);
    l2 = f32x4.add(l2, f32x4.mul(u, low));
    h2 = f32x4.add(h2, f32x4.mul(u, high));
    u = v128.load32_splat(x3 + j);
    l3 = f32x4.add(l3, f32x4.mul(u, low));
    h3 = f32x4.add(h3, f32x4.mul(u, high));
  }
  addRow(out, l0, h0, rows, scale);
  addRow(out + next, l1, h1, rows, scale);
  addRow(out + (next << 1), l2, h2, rows, scale);
  addRow(out + next * 3, l3, h3, rows, scale);
}

function tile1(out: usize, x: usize, b: usize, rows: i32, r: i32, scale: f32): void {
  let l = f32x4.splat(0);
  let h = f32x4.splat(0);
  for (const end = x + (<usize>r << 2); x < end; x += 4, b += 32) {
    const u = v128.load32_splat(x);
    l = f32x4.add(l, f32x4.mul(u, v128.load(b)));
    h = f32x4.add(h, f32x4.mul(u, v128.load(b, 16)));
  }
  addRow(out, l, h, rows, scale);
}

/** out += scale · acc, of the first `rows` of 8. */
function addRow(out: usize, low: v128, high: v128, rows: i32, scale: f32): void {
  const s = f32x4.splat(scale);
  storeF32(out, f32x4.add(loadF32(out, rows), f32x4.mul(s, low)), rows);
  storeF32(out + 16, f32x4.add(loadF32(out + 16, rows - 4), f32x4.mul(s, high)), rows - 4);
}
