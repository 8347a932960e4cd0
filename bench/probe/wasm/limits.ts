// What this machine and engine can do at most, by loops that do nothing else. AssemblyScript; compiled by ../probe.ts with and without relaxed
// SIMD, and no part of the library.

// All sums are pairs of neighbours, of neighbouring operands, and end in stores side by side: so V8 can make one vector of 256 bits of each pair where
// it is asked to (ARCHITECTURE.md, "Wider vectors"), and the limits are those of the same instructions that the kernels have.

/** Where streams leave what they have read. */
const READ = memory.data(128, 32);

/** Reads `bytes` (a multiple of 128) at `ptr`, in order. */
export function streamOne(ptr: usize, bytes: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (const end = ptr + bytes; ptr < end; ptr += 128) {
    a = v128.or(a, v128.or(v128.load(ptr), v128.load(ptr, 64)));
    b = v128.or(b, v128.or(v128.load(ptr, 16), v128.load(ptr, 80)));
    c = v128.or(c, v128.or(v128.load(ptr, 32), v128.load(ptr, 96)));
    d = v128.or(d, v128.or(v128.load(ptr, 48), v128.load(ptr, 112)));
  }
  const out = READ;
  v128.store(out, b, 16);
  v128.store(out, a);
  v128.store(out, d, 48);
  v128.store(out, c, 32);
}

/** The same as four streams, one for each quarter of `bytes` (a multiple of 256). */
export function streamFour(ptr: usize, bytes: usize): void {
  const quarter = bytes >> 2;
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  let p = ptr + quarter;
  let q = p + quarter;
  let r = q + quarter;
  for (const end = ptr + quarter; ptr < end; ptr += 64, p += 64, q += 64, r += 64) {
    a = v128.or(a, v128.or(v128.load(ptr), v128.load(ptr, 32)));
    b = v128.or(b, v128.or(v128.load(ptr, 16), v128.load(ptr, 48)));
    c = v128.or(c, v128.or(v128.load(p), v128.load(p, 32)));
    d = v128.or(d, v128.or(v128.load(p, 16), v128.load(p, 48)));
    e = v128.or(e, v128.or(v128.load(q), v128.load(q, 32)));
    f = v128.or(f, v128.or(v128.load(q, 16), v128.load(q, 48)));
    g = v128.or(g, v128.or(v128.load(r), v128.load(r, 32)));
    h = v128.or(h, v128.or(v128.load(r, 16), v128.load(r, 48)));
  }
  const out = READ;
  v128.store(out, b, 16);
  v128.store(out, a);
  v128.store(out, d, 48);
  v128.store(out, c, 32);
  v128.store(out, f, 80);
  v128.store(out, e, 64);
  v128.store(out, h, 112);
  v128.store(out, g, 96);
}

/**
 * Multiply-adds of 12 vectors per step, n times 64 steps, with operands from the first-level cache: 8 KiB at `ptr`, of which the last two are
 * written. `form` as in src/kernels/wasm/dot.ts.
 */
export function dots(ptr: usize, n: i32, form: i32): void {
  for (let i = 0; i < n; i++) {
    if (ASC_FEATURE_RELAXED_SIMD && form == 1) twelveDots<i16>(ptr);
    else if (ASC_FEATURE_RELAXED_SIMD && form == 2) twelveSums(ptr);
    else twelveDots<u16>(ptr);
  }
}

/** 64 steps: two pairs of vectors times three vectors, in three pairs of sums, so that nothing is spilled. */
function twelveDots<D>(ptr: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  const out = ptr + 6144;
  const u = v128.load64_splat(ptr);
  const v = v128.load64_splat(ptr, 16);
  const w = v128.load64_splat(ptr, 32);
  for (const end = ptr + 4096; ptr < end; ptr += 64) {
    const x0 = v128.load(ptr, 48);
    const x1 = v128.load(ptr, 64);
    a = dot<D>(a, x0, u);
    b = dot<D>(b, x1, u);
    c = dot<D>(c, x0, v);
    d = dot<D>(d, x1, v);
    e = dot<D>(e, x0, w);
    f = dot<D>(f, x1, w);
    const y0 = v128.load(ptr, 80);
    const y1 = v128.load(ptr, 96);
    a = dot<D>(a, y0, u);
    b = dot<D>(b, y1, u);
    c = dot<D>(c, y0, v);
    d = dot<D>(d, y1, v);
    e = dot<D>(e, y0, w);
    f = dot<D>(f, y1, w);
  }
  v128.store(out, b, 16);
  v128.store(out, a);
  v128.store(out, d, 48);
  v128.store(out, c, 32);
  v128.store(out, f, 80);
  v128.store(out, e, 64);
}

/** The same for the instruction that adds by itself: twelve sums, since it may take five cycles. */
function twelveSums(ptr: usize): void {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  let i = a;
  let j = a;
  let k = a;
  let l = a;
  const out = ptr + 6144;
  const w = v128.load64_splat(ptr);
  for (const end = ptr + 4096; ptr < end; ptr += 64) {
    const x0 = v128.load(ptr, 16);
    const x1 = v128.load(ptr, 32);
    a = dot<i32>(a, x0, w);
    b = dot<i32>(b, x1, w);
    c = dot<i32>(c, x0, w);
    d = dot<i32>(d, x1, w);
    e = dot<i32>(e, x0, w);
    f = dot<i32>(f, x1, w);
    g = dot<i32>(g, x0, w);
    h = dot<i32>(h, x1, w);
    i = dot<i32>(i, x0, w);
    j = dot<i32>(j, x1, w);
    k = dot<i32>(k, x0, w);
    l = dot<i32>(l, x1, w);
  }
  v128.store(out, b, 16);
  v128.store(out, a);
  v128.store(out, d, 48);
  v128.store(out, c, 32);
  v128.store(out, f, 80);
  v128.store(out, e, 64);
  v128.store(out, h, 112);
  v128.store(out, g, 96);
  v128.store(out, j, 144);
  v128.store(out, i, 128);
  v128.store(out, l, 176);
  v128.store(out, k, 160);
}

// @ts-ignore: decorator
@inline
function dot<D>(sums: v128, x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (isSigned<D>()) {
      if (sizeof<D>() == 4) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sums);
      return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w));
    }
  }
  return i32x4.add(sums, i32x4.dot_i16x8_s(x, w));
}
