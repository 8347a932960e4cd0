/**
 * `phi-ts`: Microsoft's Phi models in TypeScript and WebAssembly SIMD, with no dependencies.
 * @module
 */
export * from "./errors.ts";
export { type Estimate, type EstimateOptions, estimate } from "./estimate.ts";
export type { AdapterChoice, AdapterOption } from "./generate/adapters.ts";
export type { RopeChoice } from "./generate/engine.ts";
export type { Generation } from "./generate/generation.ts";
export type { TokenIds } from "./generate/ids.ts";
export type { GenerateOptions } from "./generate/options.ts";
export type { GenerateResult, Piece, Timings, Usage } from "./generate/result.ts";
export type { Progress, Reprefill } from "./generate/row.ts";
export type { SamplingOptions } from "./generate/sampling-options.ts";
export type { ForwardOptions, Sequence, SequenceOptions } from "./generate/sequence.ts";
export type { ChatOptions, ChatResult } from "./generate/start.ts";
export { type Inspection, type InspectOptions, inspect } from "./inspect/inspect.ts";
export type { TensorClass } from "./inspect/tensors.ts";
export type { AdapterInfo } from "./load/adapters/adapter-set.ts";
export type { MemoryUse } from "./load/load.ts";
export type { LoadOptions } from "./load/options.ts";
export type { LoadProgress } from "./load/progress.ts";
export { type AdapterSources, loadPhi, type ModelInput, type PhiOptions } from "./load-phi.ts";
export type { Experts, LongRope, PhiConfig, SparseLayers } from "./model/config.ts";
export type { PublishedModel } from "./model/published.ts";
export type { Parameters } from "./model/weights.ts";
export { type Input, type UrlOptions, urlSource } from "./open.ts";
export type { Phi } from "./phi.ts";
export {
  type BlobInput,
  blobSource,
  bytesSource,
  type DirectoryHandle,
  type Dropped,
  droppedFiles,
  type ListedSource,
  type OpenOptions,
  type Source,
  type SourceFile,
} from "./source/index.ts";
export type { ChatChange, ChatMessage, StopToken, Tokenizer } from "./tokenizer/index.ts";
export type { WorkerLike } from "./worker/index.ts";
