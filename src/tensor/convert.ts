import { ShapeError } from "../errors.ts";
import type { DType, TypedArray } from "./dtype.ts";

/**
 * f16 and bf16 to float32 and back, on their bits: f16 is 1 sign, 5 exponent and 10 fraction bits (IEEE 754 binary16), bf16 the upper
 * half of a float32. Upwards is exact; downwards rounds to nearest, ties to even, subnormals included, and overflows to infinity. A NaN
 * stays one: its sign and upper payload bits are kept and the quiet bit is set on the way down (a JavaScript engine may change the payload
 * of a NaN that it handles as a number).
 */

// One float32 seen as its bits.
const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The float32 bits of f16 bits. */
function widen(h: number): number {
  const sign = (h & 0x8000) << 16;
  const magnitude = h & 0x7fff;
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((h & 0x3ff) << 13); // infinity, NaN
  if (magnitude >= 0x0400) return sign | ((magnitude << 13) + (112 << 23)); // exponent bias 15 -> 127
  if (magnitude === 0) return sign;
  const e = 31 - Math.clz32(magnitude); // subnormal: magnitude · 2^-24, highest bit e becomes the hidden one
  return sign | ((e + 103) << 23) | ((magnitude << (23 - e)) & 0x7fffff);
}

/** The f16 bits nearest to a float32 given by its bits. */
function narrow(u: number): number {
  const sign = (u >>> 16) & 0x8000;
  const magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff); // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above: infinity
  if (magnitude >= 0x38800000) return sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude <= 0x33000000) return sign; // 2^-25 and below: zero
  // Subnormal: the 24-bit significand in units of 2^-24, which drops `shift` (14 to 24) bits.
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const kept = significand >>> shift;
  const dropped = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (dropped > half || (dropped === half && (kept & 1) === 1) ? 1 : 0));
}

/** The bf16 bits nearest to a float32 given by its bits. */
function narrowBrain(u: number): number {
  if ((u & 0x7fffffff) > 0x7f800000) return ((u >>> 16) & 0xffff) | 0x40; // NaN
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that 16 bits of f16 stand for; exact. */
export function f16ToF32(bits: number): number {
  word[0] = widen(bits);
  return float[0];
}

/** The 16 bits of the f16 nearest to `x`, which is taken as a float32; ties to even. */
export function f32ToF16(x: number): number {
  float[0] = x;
  return narrow(word[0]);
}

/** The number that 16 bits of bf16 stand for; exact. */
export function bf16ToF32(bits: number): number {
  word[0] = bits << 16;
  return float[0];
}

/** The 16 bits of the bf16 nearest to `x`, which is taken as a float32; ties to even. */
export function f32ToBf16(x: number): number {
  float[0] = x;
  return narrowBrain(word[0]);
}

const LIMITS = { i32: [-2147483648, 2147483647], i16: [-32768, 32767], i8: [-128, 127], u8: [0, 255] } as const;

/** The integer nearest to x, ties to even. */
export function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/**
 * Elements of any dtype as float32 (i32 beyond 2^24 rounds).
 * @param src the elements; f16 and bf16 as their bits
 * @param out where they go, at least as long; fresh memory unless given. It may not overlap `src`
 * @throws ShapeError if `out` is too short
 */
export function toF32(dtype: DType, src: TypedArray, out: Float32Array = new Float32Array(src.length)): Float32Array {
  fits(src, out);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  if (dtype === "f16") for (let i = 0; i < src.length; i++) bits[i] = widen(src[i]);
  else if (dtype === "bf16") for (let i = 0; i < src.length; i++) bits[i] = src[i] << 16;
  else out.set(src);
  return out;
}

/**
 * float32 as elements of `dtype`. Integers: nearest, ties to even, held at the ends of the type's range; NaN becomes 0.
 * @param out where they go, at least as long, of the type's own view. It may not overlap `src`
 * @throws ShapeError if `out` is too short
 */
export function fromF32(dtype: DType, src: Float32Array, out: TypedArray): void {
  fits(src, out);
  const bits = new Uint32Array(src.buffer, src.byteOffset, src.length);
  if (dtype === "f32") out.set(src);
  else if (dtype === "f16") for (let i = 0; i < src.length; i++) out[i] = narrow(bits[i]);
  else if (dtype === "bf16") for (let i = 0; i < src.length; i++) out[i] = narrowBrain(bits[i]);
  else toIntegers(dtype, src, out);
}

/** Numbers as integers of `dtype`, as {@link fromF32} does it. @throws ShapeError if `out` is too short */
export function toIntegers(dtype: IntegerType, src: ArrayLike<number>, out: TypedArray): void {
  fits(src, out);
  const [min, max] = LIMITS[dtype];
  for (let i = 0; i < src.length; i++) out[i] = Math.min(max, Math.max(min, roundEven(src[i]) || 0));
}

export type IntegerType = keyof typeof LIMITS;
export const isInteger = (dtype: DType): dtype is IntegerType => dtype in LIMITS;

function fits(src: ArrayLike<number>, out: TypedArray): void {
  if (out.length < src.length)
    throw new ShapeError({ what: "convert: out is too short", got: out.length, expected: `at least ${src.length}` });
}
