/** The int4 and int8 group formats that kernels read: definitions in plain TypeScript. */
export { findNonFinite } from "./check.ts";
export { allocRow, dequantizeRow, readRow } from "./dequantize.ts";
export { awqZero, gptqZero, type Int4Layout, int4Nibble, int4Shape, packedZero } from "./int4/index.ts";
export { writeScales } from "./int4/scales.ts";
export { readKRow } from "./k-formats.ts";
export { repackK } from "./k-repack.ts";
export {
  allocMatrix,
  allocSlices,
  BLOCK_BYTES,
  GROUP,
  groupsOf,
  isKFormat,
  K_LAYOUT,
  type KFormat,
  type PackedMatrix,
  type PackFormat,
  packedBytes,
  ROWS,
  rowGroupBytes,
  type WeightFormat,
} from "./packed-matrix.ts";
export { readQ4Group, writeQ4Group } from "./q4.ts";
export { readZero, writeZero } from "./q4z.ts";
export { readQ8Group, writeQ8Group } from "./q8.ts";
export { quantizeQ4 } from "./quantize-q4.ts";
export { quantizeQ8 } from "./quantize-q8.ts";
