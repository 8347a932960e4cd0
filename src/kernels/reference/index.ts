// The definitions, one file per operation. Each takes tensors and needs no state.
export { add } from "./add.ts";
export { argmax } from "./argmax.ts";
export { attention } from "./attention.ts";
export { embed } from "./embed.ts";
export { gelu } from "./gelu.ts";
export { layernorm } from "./layernorm.ts";
export { linear } from "./linear.ts";
export { packRows } from "./pack-rows.ts";
export { quantizeActivations } from "./quantize-activations.ts";
export { repackRows } from "./repack-rows.ts";
export { rmsnorm } from "./rmsnorm.ts";
export { rope } from "./rope.ts";
export { softmax } from "./softmax.ts";
export { storeKV } from "./store-kv.ts";
export { swiglu } from "./swiglu.ts";
export { topk } from "./topk.ts";
export { unpackRows } from "./unpack-rows.ts";
