/**
 * `phi-ts/core/reference`: the kernels in plain TypeScript, for `loadPhi(…, { reference })` of `phi-ts/core`, which falls back on them where an engine
 * has no WASM SIMD.
 * @module
 */
export * as reference from "../kernels/reference/index.ts";
