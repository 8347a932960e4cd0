import type { Kernels, KVFormat } from "../kernels/kernels.ts";
import { allocate, type Slot } from "../load/allocate.ts";
import { fillWeights } from "../load/fill.ts";
import { MAX_ARENA_BYTES, planArenas } from "../load/plan.ts";
import type { WeightFiles } from "../load/weight-files.ts";
import type { PhiConfig } from "../model/config.ts";
import { architectureOf } from "../model/every-architecture.ts";
import { fillRope, inverseFrequencies } from "../model/rope.ts";
import { scratchFor } from "../model/scratch.ts";
import type { Stage } from "../model/transformer.ts";
import type { WeightSpec } from "../model/weights.ts";
import type { PackedMatrix, WeightFormat } from "../quant/packed-matrix.ts";
import type { Team } from "./team.ts";

/** Tokens of one chunk. */
export const CHUNK = 32;

/** The residual stream of all calibration tokens, sequence after sequence. */
export interface Stream {
  /** f32 [tokens, D] */
  x: Float32Array;
  /** Tokens of each sequence, the longest at most `contextSize`. */
  lengths: readonly number[];
}

/** Looks at the inputs x f32 [T, C] of a matrix. */
export type See = (slot: string, x: Float32Array) => void;

export interface RunnerOptions {
  config: PhiConfig;
  /** Of the matrices, and of the KV cache. */
  format: WeightFormat;
  kv: KVFormat;
  /** Tokens of the longest sequence. */
  contextSize: number;
  team: Team;
}

/**
 * One layer of a model in an arena of its own, whose weights are exchanged: so that a stream can be run through a model of any size, layer
 * by layer, as a decoder would, with int8 activations.
 */
export class LayerRunner {
  readonly #config: PhiConfig;
  readonly #slots: Slot[];
  readonly #stage: Stage;
  readonly #frequencies: Float32Array;

  /** @param specs of any layer @throws MemoryError */
  constructor(specs: readonly WeightSpec[], { config, format, kv, contextSize, team }: RunnerOptions) {
    // As a model of this one layer: nothing of embedding and head is taken.
    const alone = { ...config, layers: 1, tiedEmbeddings: true };
    const placed = specs.map((s) => ({ ...s, place: 0 }));
    const { threads, kernels } = team;
    const sizes = { contextSize, kvTokens: contextSize, maxChunk: CHUNK, maxArenaBytes: MAX_ARENA_BYTES, threads };
    const plan = planArenas({
      config: alone,
      architecture: architectureOf(config),
      specs: placed,
      format,
      kv,
      activations: "int8",
      ...sizes,
    });
    this.#config = config;
    this.#slots = allocate(plan, kernels).slots;
    this.#stage = this.#slots[0].stage;
    this.#frequencies = inverseFrequencies(config, "short");
  }

  /** Reads weights of a layer from a checkpoint: those of `specs`. @throws as {@link fillWeights} */
  async fill(files: WeightFiles, specs: readonly WeightSpec[], signal?: AbortSignal): Promise<void> {
    const slots = specs.map((spec) => ({ ...this.#slot(spec.slot), spec }));
    await fillWeights(files, slots, { signal });
  }

  /** Where a weight lies; norms are f32 matrices of one row. */
  matrix(slot: string): PackedMatrix {
    return this.#slot(slot).matrix;
  }

  #slot(name: string): Slot {
    return this.#slots.find((s) => s.spec.slot === name) as Slot;
  }

  /**
   * Runs every sequence of the stream through the layer.
   * @param layer its number
   * @param see called with the inputs of each matrix; without it, the stream is replaced by the layer's output
   * @param between awaited after each chunk
   */
  async run(
    stream: Stream,
    layer: number,
    see: See | undefined,
    between: (tokens: number) => Promise<void>,
  ): Promise<void> {
    const { layers } = this.#stage;
    const { hiddenSize: D } = this.#config;
    const [{ weights, kv }] = layers;
    const kernels = see ? this.#seeing(see) : this.#stage.kernels;
    (kv.table.data as Int32Array).set(kv.table.data.map((_, i) => i));
    let at = 0;
    for (const length of stream.lengths) {
      for (let start = 0; start < length; start += CHUNK) {
        const T = Math.min(CHUNK, length - start);
        const s = scratchFor(this.#stage.scratch, T);
        const part = stream.x.subarray(at * D, (at + T) * D);
        s.x.f32.set(part);
        const factor = this.#config.longrope?.attentionFactor.short ?? 1;
        fillRope(s.cos.f32, s.sin.f32, this.#frequencies, start, T, factor);
        architectureOf(this.#config).layer(kernels, this.#config, weights, s, kv, start, layer);
        if (!see) part.set(s.x.f32);
        at += T;
        await between(T);
      }
    }
  }

  /** The kernels, telling what matrices they multiply. */
  #seeing(see: See): Kernels {
    const { kernels } = this.#stage;
    const slots = new Map(this.#slots.map(({ matrix, spec }) => [matrix.ptr, spec.slot]));
    let last = new Float32Array(0);
    return {
      ...kernels,
      quantizeActivations(out, x, reader) {
        last = x.f32 as Float32Array<ArrayBuffer>;
        kernels.quantizeActivations(out, x, reader);
      },
      linear(out, x, weight) {
        see(slots.get(weight.ptr) as string, "q" in x ? last : x.f32);
        kernels.linear(out, x, weight);
      },
    };
  }
}
