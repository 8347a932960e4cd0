// The definitions, one file per operation. Each takes tensors and needs no state.
export { add } from "./add.ts";
