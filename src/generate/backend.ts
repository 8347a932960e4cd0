import type { AdapterMix } from "../model/adapters.ts";
import type { PhiConfig } from "../model/config.ts";
import type { RopeChoice } from "./engine.ts";
import type { Progress, Reprefill } from "./row.ts";
import type { Sampling } from "./sampling-options.ts";

/**
 * What {@link Phi} needs of a loaded model, wherever that runs: ids in, ids and logits out, no text. In the caller's thread it is
 * `localBackend` (local.ts), in a worker `WorkerBackend` (src/worker), and both behave alike.
 */
export interface Backend {
  readonly config: PhiConfig;
  /** The most tokens of a sequence. */
  readonly contextSize: number;
  /** @throws DisposedError, or WorkerError if the model's worker is gone */
  check(): void;
  /** One generation; the work begins with the first `next()`. @throws ContextError if the prompt alone is longer than the context */
  tokens(job: TokenJob, controls: TokenControls): TokenStream;
  /** Logits of `ids` [T] on a row of their own: f32 [T·V], [V] or [0]. */
  forward(ids: number[], logits: LogitsWanted, controls: ForwardControls, adapters?: AdapterMix): Promise<Float32Array>;
  sequence(rope: RopeChoice, adapters?: AdapterMix): Promise<SequenceHandle>;
  dispose(): Promise<void>;
}

/** One generation as the engine sees it: checked, and in ids. */
export interface TokenJob {
  /** T ≥ 1 ids of the vocabulary. */
  prompt: readonly number[];
  sampling: Sampling;
  seed: number;
  /** Ids that end the answer. */
  stopIds: readonly number[];
  /** Undefined: to the end of the context. */
  maxTokens: number | undefined;
  onContextFull: "error" | "stop";
  rope: RopeChoice;
  /** Absent: none. */
  adapters?: AdapterMix;
}

export interface TokenControls {
  /** Aborted, too, when the reader leaves. */
  signal: AbortSignal;
  onPrefill?: (progress: Progress) => void;
}

export interface Token {
  id: number;
  /** Set on the last token of an answer: it is a stop token, or as many as were asked for are there. */
  end?: "stop" | "length";
}

/** A generation's tokens, pulled one by one. */
export interface TokenStream {
  /** The next token; undefined if none may follow. @throws ContextError, DisposedError, LogitsError, WorkerError, or the signal's reason */
  next(): Promise<Token | undefined>;
  /** The reader has the word, for as long as it likes: no time is counted, and others may have the room unless `keepsRoom`. */
  pause(keepsRoom?: boolean): void;
  resume(): void;
  /** Gives back what the stream holds, whether it has ended or not. Never throws; a second call does nothing. */
  close(): Promise<void> | void;
  /** What was done for the tokens that were taken so far. */
  readonly account: Account;
}

export interface Account {
  /** Tokens of the prompt that an earlier call had computed. */
  cachedTokens: number;
  weightBytesRead: number;
  prefillMs: number;
  decodeMs: number;
  reprefills: readonly Reprefill[];
}

/** Of the T new tokens, those whose logits are wanted. */
export type LogitsWanted = "all" | "last" | "none";

export interface ForwardControls {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  onReprefill?: (event: Reprefill) => void;
}

/** A user's sequence. Its calls are made one after the other; which tokens it holds is the caller's to remember. */
export interface SequenceHandle {
  readonly vocabSize: number;
  /** @throws DisposedError, WorkerError */
  check(): void;
  /** Appends `ids` [T]; gives f32 [T·V], [V] or [0]. If it throws, the sequence is as it was. */
  forward(ids: number[], logits: LogitsWanted, controls: ForwardControls): Promise<Float32Array>;
  /** Forgets the tokens from `length` on; there are as many. */
  truncate(length: number): Promise<void>;
  fork(): Promise<SequenceHandle>;
  /** Gives the blocks back. Never throws; a second call does nothing. */
  dispose(): Promise<void> | void;
}
