import { f16ToF32 } from "./f16";
import { halfBytes, headBytes, isFlat, isSix, scaleBytes, TABLE } from "./k-formats";
import { storeTransposed } from "./lanes";
import { Q8 } from "./layout";

// Rows of ggml's blocks into the blocks of a K-format, of 8 rows, bit for bit, and of Q5_0 and IQ4_NL into those of q8; src/quant/k-repack.ts and
// ../reference/repack-rows.ts are the definitions, and src/quant/ggml draws the blocks. A kind of blocks is told by its bytes.

/** Of Q4_K, Q5_K, Q6_K, Q3_K, Q2_K, IQ4_XS, Q5_1, Q5_0, IQ4_NL. */
const B4K: i32 = 144;
const B5K: i32 = 176;
const B6K: i32 = 210;
const B3K: i32 = 110;
const B2K: i32 = 84;
const B4XS: i32 = 136;
const B5_1: i32 = 24;
const B5_0: i32 = 22;
const B4NL: i32 = 18;

/**
 * What is special of a kind are its scales, and where its bits are: the n of 32 inputs are some bits of 32 bytes that follow each other, or of 16
 * whose upper nibbles are the last 16 inputs, and a bit or two above them of 32 other bytes. Eight rows of n, as bytes, are transposed four by four,
 * so that a lane is a row, and put together as nibbles or as 6 bits. Alignment: out 16 bytes, src none. Absent rows are zeros.
 * @param size bytes of a block in the file
 * @param blocks of a row
 * @param scratch 384 bytes: n of 8 rows, u8 [8, 32]; 16 inputs of them transposed, [4, 8, 4]
 */
export function repackK(out: usize, src: usize, format: i32, size: i32, rows: i32, blocks: i32, scratch: usize): void {
  const flat = isFlat(format);
  const six = isSix(format);
  const eight = format == Q8;
  const head = eight ? 0 : headBytes(format);
  const stride = <usize>(blocks * size);
  for (; rows > 0; rows -= 8, src += 8 * stride) {
    for (let b = 0; b < blocks; b++) {
      const heads = out;
      clear(out, head);
      out += head;
      for (let g = 0; g < (flat || eight ? 1 : 8); g++) {
        const weights = out + scaleBytes(format);
        clear(out, weights - out);
        clear(scratch, 256);
        for (let r: usize = 0; r < <usize>min(rows, 8); r++) {
          const block = src + r * stride + <usize>(b * size);
          if (flat || eight) {
            store<u16>(out + 2 * r, load<u16>(block));
            if (flat) store<u16>(out + 2 * r, load<u16>(block, 2) ^ 0x8000, 16); // added in the file, taken off here
          } else {
            if (g == 0) storeHead(heads + (r << 2), block, size);
            storeScales(out + r, block, size, g);
          }
          ints(scratch + (r << 5), block, size, g);
        }
        out = weights;
        for (let n = scratch; n < scratch + 32; n += 16) {
          for (let r: usize = 0; r < 2; r++) {
            const from = n + (r << 7);
            const to = scratch + 256 + (r << 4);
            const place = eight ? out + (r << 4) : to;
            storeTransposed(place, 32, v128.load(from), v128.load(from, 32), v128.load(from, 64), v128.load(from, 96));
            if (!eight) put(out + (r << 4), to, six);
          }
          out += eight ? 128 : halfBytes(format);
        }
      }
    }
  }
}

function clear(ptr: usize, bytes: usize): void {
  for (const end = ptr + bytes; ptr < end; ptr += 16) v128.store(ptr, i32x4.splat(0));
}

/** d and dmin of a row, as f32. */
function storeHead(to: usize, block: usize, size: i32): void {
  const d: usize = size == B6K ? 208 : size == B3K ? 108 : size == B2K ? 80 : 0;
  store<f32>(to, f16(block + d));
  if (size == B4K || size == B5K || size == B2K) store<f32>(to, f16(block + d + 2), 32);
}

function f16(ptr: usize): f32 {
  return f32x4.extract_lane(f16ToF32(i32x4.splat(load<i16>(ptr))), 0);
}

/** The two bytes of scales of a row's group g, 8 bytes apart. */
function storeScales(to: usize, block: usize, size: i32, g: i32): void {
  let first: i32;
  let last: i32;
  if (size == B4K || size == B5K) {
    const at = block + 4 + (g & 3);
    const s: i32 = load<u8>(at);
    const m: i32 = load<u8>(at, 4);
    const both: i32 = load<u8>(at, 8);
    first = g < 4 ? s & 63 : (both & 15) | ((s >> 6) << 4);
    last = g < 4 ? m & 63 : (both >> 4) | ((m >> 6) << 4);
  } else if (size == B3K) {
    first = three(block, 2 * g);
    last = three(block, 2 * g + 1);
  } else if (size == B4XS) {
    const low: i32 = load<u8>(block + 4 + (g >> 1));
    const high: i32 = load<u16>(block, 2);
    first = (((low >> ((g & 1) << 2)) & 15) | (((high >> (2 * g)) & 3) << 4)) - 32;
    last = first;
  } else {
    const at = block + (size == B6K ? 192 : 0) + 2 * g;
    first = load<u8>(at);
    last = load<u8>(at, 1);
  }
  store<u8>(to, first);
  store<u8>(to, last, 8);
}

/** s[g] - 32 of a block of Q3_K. */
function three(block: usize, g: i32): i32 {
  const low: i32 = load<u8>(block + 96 + (g & 7));
  const high: i32 = load<u8>(block + 104 + (g & 3));
  return (((low >> ((g & 8) >> 1)) & 15) | (((high >> ((g >> 2) << 1)) & 3) << 4)) - 32;
}

/** u8 [32]: n of group g of a block, as the format has them. */
function ints(to: usize, block: usize, size: i32, g: i32): void {
  if (size < 64 || size == B4XS) {
    const head = size == B4NL ? 2 : size == B5_0 ? 6 : size == B5_1 || size == B4XS ? 8 : 4;
    const v = v128.load(block + head + (g << 4));
    let low = v128.and(v, i8x16.splat(15));
    let high = v128.and(i16x8.shr_u(v, 4), i8x16.splat(15));
    if (size == B5_1 || size == B5_0) {
      low = v128.or(low, fifth(load<i16>(block + head - 4)));
      high = v128.or(high, fifth(load<i16>(block + head - 2)));
    }
    if (size == B5_0) {
      low = i8x16.sub(low, i8x16.splat(16));
      high = i8x16.sub(high, i8x16.splat(16));
    } else if (size == B4NL) {
      low = i8x16.swizzle(v128.load(TABLE), low);
      high = i8x16.swizzle(v128.load(TABLE), high);
    }
    v128.store(to, low);
    v128.store(to, high, 16);
    return;
  }
  let low = block;
  let shift = (g & 3) << 1;
  let mask = 3;
  if (size == B4K || size == B5K) {
    low += (size == B4K ? 16 : 48) + ((g >> 1) << 5);
    shift = (g & 1) << 2;
    mask = 15;
  } else if (size == B6K) {
    low += ((g >> 2) << 6) + ((g & 1) << 5);
    shift = (g & 2) << 1;
    mask = 15;
  } else low += (size == B3K ? 32 : 16) + ((g >> 2) << 5);
  for (let i: usize = 0; i < 32; i += 16) {
    let n = v128.and(i16x8.shr_u(v128.load(low + i), shift), i8x16.splat(<i8>mask));
    if (size == B5K) n = v128.or(n, above(block + 16 + i, g, 1, 4));
    else if (size == B6K) n = v128.or(n, above(block + 128 + ((g >> 2) << 5) + i, (g & 3) << 1, 3, 4));
    else if (size == B3K) n = i8x16.add(v128.or(n, above(block + i, g, 1, 2)), i8x16.splat(28));
    v128.store(to + i, n);
  }
}

/** Bits of 16 bytes, from bit `from` on, moved to bit `to`. */
// @ts-ignore: decorator
@inline
function above(ptr: usize, from: i32, mask: i32, to: i32): v128 {
  return i16x8.shl(v128.and(i16x8.shr_u(v128.load(ptr), from), i8x16.splat(<i8>mask)), to);
}

/** 16 in each byte whose bit is set. */
function fifth(bits: i16): v128 {
  const bytes = i8x16.swizzle(i16x8.splat(bits), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const bit = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(bytes, bit), bit), i8x16.splat(16));
}

/** 4 rows × 16 inputs, 4 vectors of bytes 32 bytes apart, as nibbles or 6 bits: 2 or 3 vectors, as far apart. */
function put(out: usize, from: usize, six: bool): void {
  const a = v128.load(from);
  const b = v128.load(from, 32);
  const c = v128.load(from, 64);
  const d = v128.load(from, 96);
  if (six) {
    const top = i8x16.splat(-64);
    v128.store(out, v128.or(a, v128.and(i16x8.shl(d, 2), top)));
    v128.store(out, v128.or(b, v128.and(i16x8.shl(d, 4), top)), 32);
    v128.store(out, v128.or(c, v128.and(i16x8.shl(d, 6), top)), 64);
  } else {
    v128.store(out, v128.or(a, i16x8.shl(b, 4)));
    v128.store(out, v128.or(c, i16x8.shl(d, 4)), 32);
  }
}
