import { sumOfEach } from "./lanes";

// dots[r] = Σ_c rows[r, c] · x[c], exact in i32: rows i8 [count, n], x i16 [n], dots i32 [count]; count a multiple of 4, n of 8.
//
// Lanes: 8 columns of a row become i16 and meet 8 of x in `i32x4.dot_i16x8_s`, so a row's sum grows in four lanes; four rows are taken at
// once, whose lanes are joined at the end. Sums of integers: their order does not matter.

/** One vector x. */
export function dotRows(dots: usize, rows: usize, x: usize, count: i32, n: i32): void {
  for (const end = dots + (<usize>count << 2); dots < end; dots += 16) {
    const last = rows + n;
    let row1 = last;
    let row2 = row1 + n;
    let row3 = row2 + n;
    const next = row3 + n;
    let xs = x;
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (; rows + 32 <= last; rows += 32, row1 += 32, row2 += 32, row3 += 32, xs += 64) {
      const x0 = v128.load(xs);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(rows), x0));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(row1), x0));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(row2), x0));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(row3), x0));
      const x1 = v128.load(xs, 16);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(rows, 8), x1));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(row1, 8), x1));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(row2, 8), x1));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(row3, 8), x1));
      const x2 = v128.load(xs, 32);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(rows, 16), x2));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(row1, 16), x2));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(row2, 16), x2));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(row3, 16), x2));
      const x3 = v128.load(xs, 48);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(rows, 24), x3));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(row1, 24), x3));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(row2, 24), x3));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(row3, 24), x3));
    }
    for (; rows < last; rows += 8, row1 += 8, row2 += 8, row3 += 8, xs += 16) {
      const xt = v128.load(xs);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(rows), xt));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(row1), xt));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(row2), xt));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(row3), xt));
    }
    v128.store(dots, sumOfEach(a0, a1, a2, a3));
    rows = next;
  }
}

/** Two vectors, x and y, which share the loads of the rows. */
export function dotRows2(xDots: usize, yDots: usize, rows: usize, x: usize, y: usize, count: i32, n: i32): void {
  for (const end = xDots + (<usize>count << 2); xDots < end; xDots += 16, yDots += 16) {
    const last = rows + n;
    let row1 = last;
    let row2 = row1 + n;
    let row3 = row2 + n;
    const next = row3 + n;
    let xs = x;
    let ys = y;
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    for (; rows + 16 <= last; rows += 16, row1 += 16, row2 += 16, row3 += 16, xs += 32, ys += 32) {
      const x0 = v128.load(xs);
      const y0 = v128.load(ys);
      const p0 = v128.load_ext<i8>(rows);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(p0, x0));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(p0, y0));
      const p1 = v128.load_ext<i8>(row1);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(p1, x0));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(p1, y0));
      const p2 = v128.load_ext<i8>(row2);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(p2, x0));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(p2, y0));
      const p3 = v128.load_ext<i8>(row3);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(p3, x0));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(p3, y0));
      const x1 = v128.load(xs, 16);
      const y1 = v128.load(ys, 16);
      const q0 = v128.load_ext<i8>(rows, 8);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(q0, x1));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(q0, y1));
      const q1 = v128.load_ext<i8>(row1, 8);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(q1, x1));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(q1, y1));
      const q2 = v128.load_ext<i8>(row2, 8);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(q2, x1));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(q2, y1));
      const q3 = v128.load_ext<i8>(row3, 8);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(q3, x1));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(q3, y1));
    }
    for (; rows < last; rows += 8, row1 += 8, row2 += 8, row3 += 8, xs += 16, ys += 16) {
      const x0 = v128.load(xs);
      const y0 = v128.load(ys);
      const p0 = v128.load_ext<i8>(rows);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(p0, x0));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(p0, y0));
      const p1 = v128.load_ext<i8>(row1);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(p1, x0));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(p1, y0));
      const p2 = v128.load_ext<i8>(row2);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(p2, x0));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(p2, y0));
      const p3 = v128.load_ext<i8>(row3);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(p3, x0));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(p3, y0));
    }
    v128.store(xDots, sumOfEach(a0, a1, a2, a3));
    v128.store(yDots, sumOfEach(b0, b1, b2, b3));
    rows = next;
  }
}
