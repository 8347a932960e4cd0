/**
 * `phi-ts/kernels`: every operation of a transformer, in plain TypeScript and in WASM SIMD, behind one contract.
 * @module
 */
export {
  allocMatrix,
  type PackedMatrix,
  type PackFormat,
  packedBytes,
  type WeightFormat,
} from "../quant/packed-matrix.ts";
export { createKernels, type KernelOptions } from "./create.ts";
export { allocInt8Rows, groupAt, int8Rows, int8RowsBytes } from "./int8-rows.ts";
export {
  type BlockPattern,
  type Int8Rows,
  type KernelKind,
  type Kernels,
  KV_BLOCK,
  type KVFormat,
  type KVLayer,
  type Operations,
  type WasmBuild,
} from "./kernels.ts";
export { allocKVLayer, kvLayerBytes } from "./kv-layer.ts";
export { allocLowRank, type LowRank, lowRankBytes, writeLowRank } from "./low-rank.ts";
export { pack, unpack } from "./pack.ts";
export type { WasmModule, WasmModules } from "./wasm-module.ts";
