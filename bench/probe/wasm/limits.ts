// What this machine and engine can do at most, by loops that do nothing else. AssemblyScript; compiled by ../probe.ts with and without relaxed
// SIMD, and no part of the library.

/** Reads `bytes` (a multiple of 128) at `ptr`, in order. */
export function streamOne(ptr: usize, bytes: usize): i32 {
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
  return any(v128.or(v128.or(a, b), v128.or(c, d)));
}

/** The same as four streams, one for each quarter of `bytes` (a multiple of 256). */
export function streamFour(ptr: usize, bytes: usize): i32 {
  const quarter = bytes >> 2;
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let p = ptr + quarter;
  let q = p + quarter;
  let r = q + quarter;
  for (const end = ptr + quarter; ptr < end; ptr += 64, p += 64, q += 64, r += 64) {
    a = v128.or(a, line(ptr));
    b = v128.or(b, line(p));
    c = v128.or(c, line(q));
    d = v128.or(d, line(r));
  }
  return any(v128.or(v128.or(a, b), v128.or(c, d)));
}

// @ts-ignore: decorator
@inline
function line(ptr: usize): v128 {
  return v128.or(v128.or(v128.load(ptr), v128.load(ptr, 16)), v128.or(v128.load(ptr, 32), v128.load(ptr, 48)));
}

function any(v: v128): i32 {
  return v128.any_true(v) ? 1 : 0;
}

/** Multiply-adds of 12 vectors per step, n times 64 steps, with operands from the first-level cache. `form` as in src/kernels/wasm/dot.ts. */
export function dots(ptr: usize, n: i32, form: i32): i32 {
  let some = 0;
  for (let i = 0; i < n; i++) {
    if (ASC_FEATURE_RELAXED_SIMD && form == 1) some |= twelveDots<i16>(ptr);
    else if (ASC_FEATURE_RELAXED_SIMD && form == 2) some |= twelveSums(ptr);
    else some |= twelveDots<u16>(ptr);
  }
  return some;
}

/** 64 steps: four vectors times three, in six sums, so that nothing is spilled. */
function twelveDots<D>(ptr: usize): i32 {
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  const u = v128.load(ptr);
  const v = v128.load(ptr, 16);
  const w = v128.load(ptr, 32);
  for (const end = ptr + 4096; ptr < end; ptr += 64) {
    const x = v128.load(ptr, 48);
    a = dot<D>(a, x, u);
    b = dot<D>(b, x, v);
    c = dot<D>(c, x, w);
    const y = v128.load(ptr, 64);
    d = dot<D>(d, y, u);
    e = dot<D>(e, y, v);
    f = dot<D>(f, y, w);
    const z = v128.load(ptr, 80);
    a = dot<D>(a, z, u);
    b = dot<D>(b, z, v);
    c = dot<D>(c, z, w);
    const t = v128.load(ptr, 96);
    d = dot<D>(d, t, u);
    e = dot<D>(e, t, v);
    f = dot<D>(f, t, w);
  }
  return any(v128.or(v128.or(v128.or(a, b), v128.or(c, d)), v128.or(e, f)));
}

/** The same for the instruction that adds by itself: twelve sums, since it may take five cycles. */
function twelveSums(ptr: usize): i32 {
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
  const w = v128.load(ptr);
  for (const end = ptr + 4096; ptr < end; ptr += 64) {
    const x = v128.load(ptr, 16);
    a = dot<i32>(a, x, w);
    b = dot<i32>(b, x, w);
    c = dot<i32>(c, x, w);
    d = dot<i32>(d, x, w);
    e = dot<i32>(e, x, w);
    f = dot<i32>(f, x, w);
    g = dot<i32>(g, x, w);
    h = dot<i32>(h, x, w);
    i = dot<i32>(i, x, w);
    j = dot<i32>(j, x, w);
    k = dot<i32>(k, x, w);
    l = dot<i32>(l, x, w);
  }
  const left = v128.or(v128.or(v128.or(a, b), v128.or(c, d)), v128.or(e, f));
  return any(v128.or(left, v128.or(v128.or(v128.or(g, h), v128.or(i, j)), v128.or(k, l))));
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
