// What the WASM module exports: one file per operation, the same names as in ../reference.
export { add } from "./add";
