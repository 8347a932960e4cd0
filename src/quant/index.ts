/** The int4 and int8 group formats that kernels read: definitions in plain TypeScript. */
export {
  allocMatrix,
  BLOCK_BYTES,
  GROUP,
  groupsOf,
  type PackedMatrix,
  packedBytes,
  ROWS,
  type WeightFormat,
} from "./packed-matrix.ts";
export { paddedCols, q4Block, q4Nibble } from "./q4.ts";
export { q8Block, q8Byte } from "./q8.ts";
