// What the WASM module exports: one file per operation, the same names as in ../reference.
export { add } from "./add";
export { argmax } from "./argmax";
export { attention } from "./attention";
export { exp } from "./exp";
export { geluErf, geluTanh } from "./gelu";
export { layernorm } from "./layernorm";
export { packF32, packQ4, packQ8 } from "./pack-rows";
export { repackQ4, repackQ8 } from "./repack-rows";
export { rmsnorm } from "./rmsnorm";
export { rope } from "./rope";
export { softmax } from "./softmax";
export { storeKV } from "./store-kv";
export { swiglu } from "./swiglu";
export { topk } from "./topk";
