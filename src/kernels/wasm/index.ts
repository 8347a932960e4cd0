// What the WASM module exports: one file per operation, the same names as in ../reference.
export { add } from "./add";
export { packF32, packQ4, packQ8 } from "./pack-rows";
export { repackQ4, repackQ8 } from "./repack-rows";
