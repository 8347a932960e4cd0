// dots_h[r] = Σ_c rows[r, c] · x_h[c] of one to four vectors x_h, exact in i32: x_h i16 [2 · pairs], dots_h i32 [8 · groups]; rows i8 stand in groups
// of 8, [groups, pairs, 8, 2]:
//
//     16 bytes   | r=0: c, c+1 | r=1: c, c+1 | … | r=7: c, c+1 |      then the same of c+2, c+3
//
// Lanes: the 16 bytes become i16 in two vectors of 4 rows and meet c and c + 1 of x, in all lanes, in `i32x4.dot_i16x8_s`: a lane of the sums is a
// row, and nothing is left to be joined. Sums of integers: their order does not matter. pairs is a multiple of 4.

/** The n (1 … 4) vectors are `at` bytes behind the addresses in `list`; what becomes of vector h is at dots + h · step. */
export function dotRows(n: i32, dots: usize, step: usize, list: usize, at: usize, rows: usize, groups: i32, pairs: i32): void {
  if (n == 4) dotsOf(4, dots, step, list, at, rows, groups, pairs);
  else if (n == 3) dotsOf(3, dots, step, list, at, rows, groups, pairs);
  else if (n == 2) dotsOf(2, dots, step, list, at, rows, groups, pairs);
  else dotsOf(1, dots, step, list, at, rows, groups, pairs);
}

/** n is a constant where this is used, so that it has no branches. The bytes are read and widened once for all vectors. */
// @ts-ignore: decorator
@inline
function dotsOf(n: i32, dots: usize, step: usize, list: usize, at: usize, rows: usize, groups: i32, pairs: i32): void {
  for (const end = dots + (<usize>groups << 5); dots < end; dots += 32) {
    let p0 = <usize>load<u32>(list) + at;
    let p1 = n > 1 ? <usize>load<u32>(list, 4) + at : 0;
    let p2 = n > 2 ? <usize>load<u32>(list, 8) + at : 0;
    let p3 = n > 3 ? <usize>load<u32>(list, 12) + at : 0;
    let a0 = i32x4.splat(0);
    let b0 = a0;
    let a1 = a0;
    let b1 = a0;
    let a2 = a0;
    let b2 = a0;
    let a3 = a0;
    let b3 = a0;
    for (const last = rows + (<usize>pairs << 4); rows < last; rows += 64) {
      const r0 = v128.load_ext<i8>(rows);
      const s0 = v128.load_ext<i8>(rows, 8);
      const r1 = v128.load_ext<i8>(rows, 16);
      const s1 = v128.load_ext<i8>(rows, 24);
      a0 = add2(a0, r0, v128.load32_splat(p0), r1, v128.load32_splat(p0, 4));
      b0 = add2(b0, s0, v128.load32_splat(p0), s1, v128.load32_splat(p0, 4));
      if (n > 1) {
        a1 = add2(a1, r0, v128.load32_splat(p1), r1, v128.load32_splat(p1, 4));
        b1 = add2(b1, s0, v128.load32_splat(p1), s1, v128.load32_splat(p1, 4));
      }
      if (n > 2) {
        a2 = add2(a2, r0, v128.load32_splat(p2), r1, v128.load32_splat(p2, 4));
        b2 = add2(b2, s0, v128.load32_splat(p2), s1, v128.load32_splat(p2, 4));
      }
      if (n > 3) {
        a3 = add2(a3, r0, v128.load32_splat(p3), r1, v128.load32_splat(p3, 4));
        b3 = add2(b3, s0, v128.load32_splat(p3), s1, v128.load32_splat(p3, 4));
      }
      const r2 = v128.load_ext<i8>(rows, 32);
      const s2 = v128.load_ext<i8>(rows, 40);
      const r3 = v128.load_ext<i8>(rows, 48);
      const s3 = v128.load_ext<i8>(rows, 56);
      a0 = add2(a0, r2, v128.load32_splat(p0, 8), r3, v128.load32_splat(p0, 12));
      b0 = add2(b0, s2, v128.load32_splat(p0, 8), s3, v128.load32_splat(p0, 12));
      p0 += 16;
      if (n > 1) {
        a1 = add2(a1, r2, v128.load32_splat(p1, 8), r3, v128.load32_splat(p1, 12));
        b1 = add2(b1, s2, v128.load32_splat(p1, 8), s3, v128.load32_splat(p1, 12));
        p1 += 16;
      }
      if (n > 2) {
        a2 = add2(a2, r2, v128.load32_splat(p2, 8), r3, v128.load32_splat(p2, 12));
        b2 = add2(b2, s2, v128.load32_splat(p2, 8), s3, v128.load32_splat(p2, 12));
        p2 += 16;
      }
      if (n > 3) {
        a3 = add2(a3, r2, v128.load32_splat(p3, 8), r3, v128.load32_splat(p3, 12));
        b3 = add2(b3, s2, v128.load32_splat(p3, 8), s3, v128.load32_splat(p3, 12));
        p3 += 16;
      }
    }
    v128.store(dots, a0);
    v128.store(dots, b0, 16);
    if (n > 1) {
      v128.store(dots + step, a1);
      v128.store(dots + step, b1, 16);
    }
    if (n > 2) {
      v128.store(dots + 2 * step, a2);
      v128.store(dots + 2 * step, b2, 16);
    }
    if (n > 3) {
      v128.store(dots + 3 * step, a3);
      v128.store(dots + 3 * step, b3, 16);
    }
  }
}

// @ts-ignore: decorator
@inline
function add2(a: v128, r: v128, x: v128, t: v128, y: v128): v128 {
  return i32x4.add(i32x4.add(a, i32x4.dot_i16x8_s(r, x)), i32x4.dot_i16x8_s(t, y));
}
