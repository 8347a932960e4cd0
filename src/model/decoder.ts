import type { Tensor } from "../tensor/tensor.ts";
import type { AdapterMix } from "./adapters.ts";
import type { Place } from "./apart.ts";
import type { PhiConfig } from "./config.ts";
import type { KVPool } from "./kv-cache.ts";
import type { Scratch } from "./scratch.ts";

/** Which of LongRoPE's two factor sets turns the positions; models without LongRoPE are always "short". */
export type RopeRegime = "short" | "long";

/** One chunk of a forward pass: T tokens at positions start … start + T - 1 of one sequence. */
export interface Chunk {
  /** Token ids, T of them, 1 ≤ T ≤ `decoder.maxChunk`. */
  ids: ArrayLike<number>;
  start: number;
  /** Numbers of the KV blocks of the sequence, in order; they cover start + T tokens. Positions below `start` are filled already. */
  blocks: readonly number[];
  regime: RopeRegime;
  /** The tokens are of as many sequences, one of each, at these places; `start` and `blocks` say nothing then. */
  apart?: readonly Place[];
  /** The adapters that work on it; absent: none. */
  adapters?: AdapterMix;
  /** Receives logits: of all T positions if it is T·V long, of the last position if it is V long. Absent: none are computed. */
  logits?: Float32Array;
  /**
   * Looks at the residual stream [T, D] after the embedding, after each layer (by number) and after the final norm; and at what the layer
   * left in the buffers of its own (`buffers` in its architecture's file). The tensors are used again at once: copy what is to be kept.
   */
  trace?: (point: "embed" | "norm" | number, x: Tensor, own: Scratch["own"]) => void;
}

/** A loaded model: weights in arenas, a pool of KV blocks, and one function, stateless but for the pool's contents. */
export interface Decoder {
  readonly config: PhiConfig;
  readonly pool: KVPool;
  /** The most tokens that one step takes; how a prompt is cut into steps never changes a bit. */
  readonly maxChunk: number;
  /** Bytes of weights that a step of one token reads: of experts, those of two. */
  readonly weightBytesPerToken: number;
  /**
   * Runs a chunk layer by layer: between two layers the caller may look at its clock, let others run, or leave. One chunk at a time; the
   * keys and values of a chunk that was left are garbage above its start, as if it had not begun.
   */
  layers(chunk: Chunk): Iterable<void>;
  /** The same in one go. */
  step(chunk: Chunk): void;
  /** Copies the keys and values of block `from` to block `to` in every layer (a fork's last, half-filled block). */
  copyBlock(from: number, to: number): void;
  /** The regime that the reference uses for a forward pass whose sequence is `length` tokens long at its end. */
  regimeOf(length: number): RopeRegime;
  /** Calls `listener` if the decoder is lost, with what every later step throws: a thread that it needs has died. */
  onLost?(listener: (error: Error) => void): void;
  /** Gives all memory back; a later step throws. */
  dispose(): void;
}
