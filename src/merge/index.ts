/**
 * `phi-ts/merge`: LoRA adapters into the weights of a checkpoint, for good.
 * @module
 */
export { bytesSink, bytesSource, type Sink, type Source } from "../source/index.ts";
export { type Merged, type MergeInput, type MergeOptions, mergeAdapters } from "./merge.ts";
