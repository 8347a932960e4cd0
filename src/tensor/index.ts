/**
 * `phi-ts/tensor`: dtype + shape + a place in an arena.
 * @module
 */
export { ALIGN, Arena, alignUp, KERNEL_RESERVE } from "./arena.ts";
export { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16, fromF32, roundEven, toF32 } from "./convert.ts";
export { BYTES, type DType, type TypedArray, viewOf } from "./dtype.ts";
export { sizeOf, Tensor } from "./tensor.ts";
