/**
 * `phi-ts/tensor`: dtype + shape + a place in an arena.
 * @module
 */
export { ALIGN, Arena, type ArenaOptions, alignUp, KERNEL_RESERVE } from "./arena.ts";
export { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16, fromF32, roundEven, toF32 } from "./convert.ts";
export { arange, type CreateOptions, defaultArena, fromBytes, full, tensor, type Values, zeros } from "./create.ts";
export { BYTES, type DType, type TypedArray, viewOf } from "./dtype.ts";
export { type Nested, type Range, sizeOf, Tensor } from "./tensor.ts";
