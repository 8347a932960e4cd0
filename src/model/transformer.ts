import { DisposedError, OptionError } from "../errors.ts";
import type { Kernels, KVLayer } from "../kernels/kernels.ts";
import { copyKVBlock } from "../kernels/kv-layer.ts";
import type { Arena } from "../tensor/arena.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ActiveDeltas, type AdapterMix, activeDeltas, type Deltas } from "./adapters.ts";
import { apart } from "./apart.ts";
import type { Architecture } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import type { Chunk, Decoder, RopeRegime } from "./decoder.ts";
import type { KVPool } from "./kv-cache.ts";
import { norm } from "./norm.ts";
import { project } from "./project.ts";
import { fillRope, inverseFrequencies, ropeRegime } from "./rope.ts";
import { scale } from "./scale.ts";
import { type Scratch, scratchFor } from "./scratch.ts";
import type { ModelWeights } from "./weights.ts";

/** What lies in one arena: some layers in a row with their caches, scratch for them, and the kernels bound there. */
export interface Stage {
  arena: Arena;
  kernels: Kernels;
  scratch: Scratch;
  /** Weights as the architecture's `layer` takes them. */
  layers: { weights: object; kv: KVLayer }[];
}

export interface TransformerParts {
  config: PhiConfig;
  architecture: Architecture;
  /** In the order of the layers. */
  stages: Stage[];
  weights: ModelWeights;
  /** By their numbers. */
  adapters?: readonly Deltas[];
  pool: KVPool;
  maxChunk: number;
  weightBytesPerToken: number;
  /** Called once, when nobody computes any more. */
  release?: () => void;
}

/**
 * The decoder: embedding → layers → norm → head, over one or several arenas. Only the residual stream [T, D] passes from one arena
 * to the next. Letters as in kernels.ts.
 */
export class Transformer implements Decoder {
  readonly config: PhiConfig;
  readonly pool: KVPool;
  readonly maxChunk: number;
  readonly weightBytesPerToken: number;
  readonly #architecture: Architecture;
  #parts: TransformerParts | undefined;
  #frequencies: Record<RopeRegime, Float32Array>;
  #views = new Map<number, Scratch[]>();
  #active: { key: string; deltas: ActiveDeltas } | undefined;
  #lost: Error | undefined;
  #onLost: ((error: Error) => void) | undefined;

  constructor(parts: TransformerParts) {
    this.config = parts.config;
    this.pool = parts.pool;
    this.maxChunk = parts.maxChunk;
    this.weightBytesPerToken = parts.weightBytesPerToken;
    this.#architecture = parts.architecture;
    this.#parts = parts;
    this.#frequencies = {
      short: inverseFrequencies(parts.config, "short"),
      long: inverseFrequencies(parts.config, "long"),
    };
  }

  step(chunk: Chunk): void {
    for (const _ of this.layers(chunk));
  }

  /** @throws OptionError for a chunk of no or of too many tokens, DisposedError after dispose */
  *layers(chunk: Chunk): Generator<void, void, void> {
    const { config, stages, weights } = this.#alive();
    const T = chunk.ids.length;
    if (!(T >= 1 && T <= this.maxChunk)) {
      throw new OptionError({ what: "a step takes tokens", got: T, expected: `1 … ${this.maxChunk}` });
    }
    const deltas = this.#deltas(chunk.adapters);
    const scratch = deltas ? this.#scratch(T).map((s) => ({ ...s, deltas })) : this.#scratch(T);
    const first = stageOf(stages, weights.embed.arena);
    (scratch[first].ids.data as Int32Array).set(chunk.ids);
    stages[first].kernels.embed(scratch[first].x, scratch[first].ids, weights.embed); // [T, D]
    scale(scratch[first].x.f32, config.embeddingScale);
    chunk.trace?.("embed", scratch[first].x, scratch[first].own);

    let at = first;
    let number = 0;
    for (let i = 0; i < stages.length; i++) {
      const { kernels, layers } = stages[i];
      if (layers.length === 0) continue;
      move(scratch[at].x, scratch[i].x);
      at = i;
      this.#rotation(scratch[i], chunk);
      if (!chunk.apart) writeTable(layers[0].kv.table, chunk.blocks);
      const bound = chunk.apart ? apart(kernels, chunk.apart) : kernels;
      for (const layer of layers) {
        this.#architecture.layer(bound, config, layer.weights, scratch[i], layer.kv, chunk.start, number);
        chunk.trace?.(number, scratch[i].x, scratch[i].own);
        number++;
        yield;
        this.#alive();
      }
    }
    if (chunk.logits || chunk.trace) this.#head(chunk, scratch, at);
  }

  /** logits [rows, V] = head · norm(x) + bias, of the last position or of all, a few rows at a time. */
  #head(chunk: Chunk, scratch: Scratch[], from: number): void {
    const { config, stages, weights } = this.#alive();
    const T = chunk.ids.length;
    const V = config.vocabSize;
    const out = chunk.logits;
    if (out && out.length !== V && out.length !== T * V) {
      throw new OptionError({ what: "room for logits", got: out.length, expected: `${V} (last) or ${T * V} (all)` });
    }
    const at = stageOf(stages, weights.head.arena);
    const { kernels } = stages[at];
    const s = scratch[at];
    move(scratch[from].x, s.x);
    // Rows before the last are normed only for those who look at them.
    const first = out?.length === T * V || chunk.trace ? 0 : T - 1;
    norm(kernels, s.h.rows(first, T), s.x.rows(first, T), weights.norm, weights.normBias, config.normEps);
    chunk.trace?.("norm", s.h, s.own);
    if (!out || !s.logits) return;
    const room = s.logits.shape[0];
    const count = out.length / V;
    scale(s.h.rows(T - count, T).f32, config.logitScale);
    for (let t = T - count; t < T; t += room) {
      const n = Math.min(room, T - t);
      const logits = s.logits.rows(0, n); // [n, V]
      project(kernels, s, logits, s.h.rows(t, t + n), weights.head, weights.headBias);
      out.set(logits.f32, (t - T + count) * V);
    }
    const { unusedTokens = [] } = config;
    if (unusedTokens.length > 0) for (let row = 0; row < count; row++) hide(out.subarray(row * V), unusedTokens);
  }

  /** cos and sin of the chunk's positions. */
  #rotation(s: Scratch, chunk: Chunk): void {
    const { regime, start, ids, apart } = chunk;
    const factor = this.config.longrope?.attentionFactor[regime] ?? 1;
    const frequencies = this.#frequencies[regime];
    const places = apart ?? [{ start }];
    const T = ids.length / places.length;
    for (const [i, place] of places.entries()) {
      const rows = (x: Tensor) => x.rows(i * T, (i + 1) * T).f32;
      fillRope(rows(s.cos), rows(s.sin), frequencies, place.start, T, factor);
    }
  }

  /** Of one mix after the other: those of the last one are kept. */
  #deltas(mix: AdapterMix | undefined): ActiveDeltas | undefined {
    if (!mix || mix.key === "") return undefined;
    if (this.#active?.key !== mix.key) {
      this.#active = { key: mix.key, deltas: activeDeltas(this.#alive().adapters ?? [], mix) };
    }
    return this.#active.deltas;
  }

  #scratch(T: number): Scratch[] {
    let views = this.#views.get(T);
    if (!views) {
      views = this.#alive().stages.map((stage) => scratchFor(stage.scratch, T));
      this.#views.set(T, views);
    }
    return views;
  }

  copyBlock(from: number, to: number): void {
    for (const { layers } of this.#alive().stages) {
      for (const { kv } of layers) copyKVBlock(kv, from, to);
    }
  }

  regimeOf(length: number): RopeRegime {
    return ropeRegime(this.config, length);
  }

  onLost(listener: (error: Error) => void): void {
    this.#onLost = listener;
  }

  /** What computes is gone: every later step throws `error`. */
  lose(error: Error): void {
    this.#lost ??= error;
    this.dispose();
    this.#onLost?.(error);
  }

  dispose(): void {
    const release = this.#parts?.release;
    this.#parts = undefined;
    this.#views.clear();
    this.#active = undefined;
    release?.();
  }

  #alive(): TransformerParts {
    if (this.#lost) throw this.#lost;
    if (!this.#parts) throw new DisposedError("the model");
    return this.#parts;
  }
}

/** Logits [V] that nothing chooses: the least float32, as the reference gives them, since -∞ makes NaN of sums. */
function hide(logits: Float32Array, ids: readonly number[]): void {
  for (const id of ids) logits[id] = LEAST;
}

const LEAST = -3.4028234663852886e38;

const stageOf = (stages: Stage[], arena: Arena): number => stages.findIndex((s) => s.arena === arena);

/** Copies the residual stream to another arena; nothing to do within one. */
function move(from: Tensor, to: Tensor): void {
  if (from.arena !== to.arena) to.f32.set(from.f32);
}

function writeTable(table: Tensor, blocks: readonly number[]): void {
  (table.data as Int32Array).set(blocks);
}
