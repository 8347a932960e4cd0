/**
 * `phi-ts/core/int4`: GPTQ, AWQ and compressed-tensors, for `loadPhi(…, { formats: [int4] })` of `phi-ts/core`.
 * @module
 */
export { int4 } from "../load/int4/index.ts";
