// The definitions, one file per operation. Each takes tensors and needs no state.
export { add } from "./add.ts";
export { packRows } from "./pack-rows.ts";
export { repackRows } from "./repack-rows.ts";
