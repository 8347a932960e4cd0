import { dotAdd, finish, startAt } from "../../../src/kernels/wasm/dot";
import { first4, last4, topHalves } from "../../../src/kernels/wasm/f16";
import { addGroup, NIBBLES, scaledUp, storeSums } from "../../../src/kernels/wasm/int8-tile";
import { SPARE } from "./rung";

/** 8 rows × 4 tokens: what was loaded and unpacked of the weights serves four tokens. T is a multiple of 4. */
export function fourTokens<D>(out: usize, q: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32): void {
  for (let n = 0; n < N; n += 8) {
    for (let t = 0; t < T; t += 4) {
      const group = <usize>(t * G);
      tile<D>(out + (<usize>(t * N + n) << 2), q + (group << 5), scale + (group << 2), offset + (group << 3), w, N, N - n, G);
    }
    w += <usize>G * 144;
  }
}

function tile<D>(out: usize, x: usize, scale: usize, offset: usize, w: usize, N: i32, rows: i32, G: i32): void {
  const nibbles = v128.load(NIBBLES);
  let lo0 = f32x4.splat(0); // token 0, rows 0-3
  let hi0 = lo0; //            token 0, rows 4-7
  let lo1 = lo0;
  let hi1 = lo0;
  let lo2 = lo0;
  let hi2 = lo0;
  let lo3 = lo0;
  let hi3 = lo0;
  for (let g = 0; g < G; g++) {
    let a = startAt<D>(offset); // token 0, rows 0-3
    let b = a; //                  token 0, rows 4-7
    let c = startAt<D>(offset + 8);
    let d = c;
    let e = startAt<D>(offset + 16);
    let f = e;
    let i = startAt<D>(offset + 24);
    let j = i;
    const block = w;
    for (const end = w + 128; w < end; w += 32, x += 8) {
      const v = v128.load(w, 16);
      const u = v128.load(w, 32);
      for (let half = 0; half < 2; half++) {
        const lo = v128.and(half ? i16x8.shr_u(v, 4) : v, nibbles);
        const hi = v128.and(half ? i16x8.shr_u(u, 4) : u, nibbles);
        const at = x + <usize>(half << 2);
        const x0 = v128.load32_splat(at);
        a = dotAdd<D>(a, lo, x0);
        b = dotAdd<D>(b, hi, x0);
        const x1 = v128.load32_splat(at, 32);
        c = dotAdd<D>(c, lo, x1);
        d = dotAdd<D>(d, hi, x1);
        const x2 = v128.load32_splat(at, 64);
        e = dotAdd<D>(e, lo, x2);
        f = dotAdd<D>(f, hi, x2);
        const x3 = v128.load32_splat(at, 96);
        i = dotAdd<D>(i, lo, x3);
        j = dotAdd<D>(j, hi, x3);
      }
    }
    const h = v128.load(block);
    const top = topHalves(h);
    const sLo = scaledUp(first4(h, top));
    const sHi = scaledUp(last4(h, top));
    const s0 = v128.load32_splat(scale);
    lo0 = addGroup(lo0, finish<D>(a), sLo, s0);
    hi0 = addGroup(hi0, finish<D>(b), sHi, s0);
    const s1 = v128.load32_splat(scale, 4);
    lo1 = addGroup(lo1, finish<D>(c), sLo, s1);
    hi1 = addGroup(hi1, finish<D>(d), sHi, s1);
    const s2 = v128.load32_splat(scale, 8);
    lo2 = addGroup(lo2, finish<D>(e), sLo, s2);
    hi2 = addGroup(hi2, finish<D>(f), sHi, s2);
    const s3 = v128.load32_splat(scale, 12);
    lo3 = addGroup(lo3, finish<D>(i), sLo, s3);
    hi3 = addGroup(hi3, finish<D>(j), sHi, s3);
    w += 16;
    x += 96; // the group of the next three tokens
    scale += 16;
    offset += 32;
  }
  const row = <usize>N << 2;
  storeSums(out, SPARE, lo0, hi0, rows);
  storeSums(out + row, SPARE, lo1, hi1, rows);
  storeSums(out + 2 * row, SPARE, lo2, hi2, rows);
  storeSums(out + 3 * row, SPARE, lo3, hi3, rows);
}
