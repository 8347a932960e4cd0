/**
 * `phi-ts/kernels`: every operation of a transformer, in plain TypeScript and in WASM SIMD, behind one contract.
 * @module
 */
export { createKernels } from "./create.ts";
export { type Int8Rows, type KernelKind, type Kernels, KV_BLOCK, type KVLayer, type Operations } from "./kernels.ts";
