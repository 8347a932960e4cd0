// f16 scales to float32, four at a time. Constants are loaded from memory: V8 forms a v128 constant anew at every use, with three
// instructions, and a load is one.

/** i32 × 4: what remains of a shifted f16: its sign, exponent and fraction. */
export const BITS = memory.data<u32>([0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000], 16);
/** f32 × 4: 2^112, the difference of the exponents' biases. */
const BIAS = memory.data<u32>([0x77800000, 0x77800000, 0x77800000, 0x77800000], 16);
/** i32 × 4: the exponent of infinity and NaN, in f16 and in float32. */
const F16_END = memory.data<u32>([0x7c00, 0x7c00, 0x7c00, 0x7c00], 16);
const F32_END = memory.data<u32>([0x7f800000, 0x7f800000, 0x7f800000, 0x7f800000], 16);

/** Four f16 at `ptr` as float32, exact for every pattern. */
// @ts-ignore: decorator
@inline
export function f16x4ToF32x4(ptr: usize): v128 {
  return f16ToF32(v128.load_ext<i16>(ptr));
}

/**
 * Four f16, sign-extended to i32 lanes, as float32, exact for every pattern.
 *
 *     sign-extended    ssss ssss  ssss ssss  seee eeff  ffff ffff
 *     << 13, masked    s000 eeee  efff ffff  fff0 0000  0000 0000      the float32 of value · 2^-112, subnormals included
 *     · 2^112          the value; infinity and NaN (exponent 31) come out as 65536 … 131008, and then get the exponent 255
 */
// @ts-ignore: decorator
@inline
export function f16ToF32(h: v128): v128 {
  const value = f32x4.mul(v128.and(i32x4.shl(h, 13), v128.load(BITS)), v128.load(BIAS));
  const special = i32x4.eq(v128.and(h, v128.load(F16_END)), v128.load(F16_END));
  return v128.or(value, v128.and(special, v128.load(F32_END)));
}

/** Four finite f16, sign-extended, as float32, each times 2^-112: all of {@link f16ToF32} but its ends. `bits` are {@link BITS}, of a register. */
// @ts-ignore: decorator
@inline
export function finite4(h: v128, bits: v128): v128 {
  return v128.and(i32x4.shl(h, 13), bits);
}

/** i16 × 8: what remains of the upper half of eight shifted f16. */
const TOP_BITS = memory.data<u16>([0x8fff, 0x8fff, 0x8fff, 0x8fff, 0x8fff, 0x8fff, 0x8fff, 0x8fff], 16);

/**
 * Eight finite f16 h as float32, each times 2^-112, in fewer instructions than twice four: the shifts of {@link f16ToF32}, on the two halves of
 * the result, which {@link first4} and {@link last4} put together. Infinity and NaN come out as numbers; loading refuses such scales.
 */
// @ts-ignore: decorator
@inline
export function topHalves(h: v128): v128 {
  return v128.and(i16x8.shr_s(h, 3), v128.load(TOP_BITS));
}
// @ts-ignore: decorator
@inline
export function first4(h: v128, top: v128): v128 {
  return v128.shuffle<i16>(i16x8.shl(h, 13), top, 0, 8, 1, 9, 2, 10, 3, 11);
}
// @ts-ignore: decorator
@inline
export function last4(h: v128, top: v128): v128 {
  return v128.shuffle<i16>(i16x8.shl(h, 13), top, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** What those four lack. */
// @ts-ignore: decorator
@inline
export function times2To112(v: v128): v128 {
  return f32x4.mul(v, v128.load(BIAS));
}
