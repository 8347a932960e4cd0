/**
 * `phi-ts/quantize`: a checkpoint to one packed file that loads without conversion, quantized as loading does it or, slowly, by what the
 * model's own inputs say.
 * @module
 */
export { bytesSink, bytesSource, type Sink, type Source } from "../source/index.ts";
export type { WorkFolder } from "./kept.ts";
export type { QuantizeOptions, QuantizeProgress } from "./options.ts";
export { type Quantized, quantizeCheckpoint } from "./quantize.ts";
