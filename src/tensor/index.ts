/**
 * `phi-ts/tensor`: dtype + shape + a place in an arena.
 * @module
 */
export { ALIGN, Arena, alignUp, KERNEL_RESERVE } from "./arena.ts";
export { BYTES, type DType, type TypedArray, viewOf } from "./dtype.ts";
export { sizeOf, Tensor } from "./tensor.ts";
