import type { PhiConfig } from "../../src/model/config.ts";
import type { Chunk, Decoder, RopeRegime } from "../../src/model/decoder.ts";
import { KV_BLOCK, KVPool } from "../../src/model/kv-cache.ts";

export interface HashDecoderOptions {
  blocks: number;
  V?: number;
  maxChunk?: number;
  /** Sequences longer than this are in the long regime. */
  switchAt?: number;
}

/**
 * A decoder whose "keys and values" are hashes: the slot of a position mixes its token, its place, the regime, the adapters and every slot before it,
 * as read through the block table. A wrong block, a shared block that was written, a stale regime, another's adapters, a gap or a token too many all
 * change the logits, and the rules of block ownership are checked at every step.
 */
export class HashDecoder implements Decoder {
  readonly config: PhiConfig;
  readonly pool: KVPool;
  readonly maxChunk: number;
  readonly weightBytesPerToken = 1000;
  /** Every step in the order of running. */
  readonly steps: { start: number; ids: number[]; regime: RopeRegime }[] = [];
  /** Called at the beginning of each step; may throw. */
  onStep: (() => void) | undefined;
  disposed = false;
  /** The token that is likeliest after the one at this position, for tests that need a certain text. */
  script: ((position: number) => number | undefined) | undefined;
  readonly #switchAt: number;
  readonly #slots: Int32Array;

  constructor(options: HashDecoderOptions) {
    const { blocks, V = 17, maxChunk = 7, switchAt = Infinity } = options;
    this.pool = new KVPool(blocks);
    this.maxChunk = maxChunk;
    this.#switchAt = switchAt;
    this.#slots = new Int32Array(blocks * KV_BLOCK).fill(-1);
    this.config = {
      modelType: "phi3",
      vocabSize: V,
      hiddenSize: 8,
      intermediateSize: 8,
      layers: 1,
      heads: 1,
      kvHeads: 1,
      headDim: 8,
      rotaryDim: 8,
      ropeTheta: 10000,
      ...(switchAt < Infinity && {
        longrope: {
          shortFactor: [1],
          longFactor: [2],
          originalContext: switchAt,
          attentionFactor: { short: 1, long: 1 },
        },
      }),
      slidingWindow: 0,
      normEps: 1e-5,
      contextLength: 1 << 20,
      tiedEmbeddings: true,
      eosTokenIds: [],
    } as PhiConfig;
  }

  regimeOf(length: number): RopeRegime {
    return length > this.#switchAt ? "long" : "short";
  }

  /** Others may run before and after the work, as between the layers of a model. */
  *layers(chunk: Chunk): Generator<void, void, void> {
    yield;
    this.step(chunk);
    yield;
  }

  step({ ids, start, blocks, regime, adapters, logits }: Chunk): void {
    if (this.disposed) throw new Error("step after dispose");
    this.onStep?.();
    const T = ids.length;
    const V = this.config.vocabSize;
    if (T < 1 || T > this.maxChunk) throw new Error(`a chunk of ${T} tokens`);
    if (blocks.length * KV_BLOCK < start + T) throw new Error("blocks do not cover the chunk");
    if (logits && logits.length !== V && logits.length !== T * V) throw new Error("logits of a wrong length");
    if (new Set(blocks).size !== blocks.length) throw new Error("a block is there twice");
    for (const block of blocks) if (this.pool.owners(block) === 0) throw new Error(`block ${block} is free`);
    let hash = SEED;
    const at = (p: number) => blocks[Math.floor(p / KV_BLOCK)] * KV_BLOCK + (p % KV_BLOCK);
    for (let p = 0; p < start; p++) hash = mix(hash, this.#slots[at(p)]);
    for (let t = 0; t < T; t++) {
      const p = start + t;
      if (this.pool.owners(blocks[Math.floor(p / KV_BLOCK)]) !== 1) throw new Error("a shared block was written");
      const slot = slotOf(hash, ids[t], p, regime, adapters?.key);
      this.#slots[at(p)] = slot;
      hash = mix(hash, slot);
      if (logits?.length === T * V) logitsOf(hash, logits.subarray(t * V, (t + 1) * V));
    }
    if (logits?.length === V) logitsOf(hash, logits);
    const next = this.script?.(start + T - 1);
    if (logits && next !== undefined) logits[logits.length - V + next] = 9;
    this.steps.push({ start, ids: Array.from(ids), regime });
  }

  copyBlock(from: number, to: number): void {
    if (this.pool.owners(from) === 0 || this.pool.owners(to) !== 1) throw new Error("copyBlock of blocks nobody owns");
    this.#slots.copyWithin(to * KV_BLOCK, from * KV_BLOCK, (from + 1) * KV_BLOCK);
  }

  dispose(): void {
    this.disposed = true;
  }

  /** Tokens that were computed since the last call. */
  computed(): number {
    return this.steps.splice(0).reduce((sum, { ids }) => sum + ids.length, 0);
  }
}

const SEED = 0x1234567;

function slotOf(hash: number, id: number, position: number, regime: RopeRegime, adapters = ""): number {
  const slot = mix(mix(mix(hash, id), position), regime === "long" ? 77 : 5);
  return [...adapters].reduce((h, letter) => mix(h, letter.charCodeAt(0)), slot);
}

/** Logits [T, V] of a whole sequence, without blocks, chunks or cache: what every path through the engine must equal. @param adapters key of a mix */
export function expectedLogits(ids: readonly number[], regime: RopeRegime, V = 17, adapters = ""): Float32Array {
  const out = new Float32Array(ids.length * V);
  let hash = SEED;
  ids.forEach((id, p) => {
    hash = mix(hash, slotOf(hash, id, p, regime, adapters));
    logitsOf(hash, out.subarray(p * V, (p + 1) * V));
  });
  return out;
}

/** V distinct-looking logits in (-4, 4). */
function logitsOf(hash: number, out: Float32Array): void {
  for (let v = 0; v < out.length; v++) out[v] = mix(hash, v) / 536870912;
}

function mix(hash: number, x: number): number {
  hash = Math.imul(hash ^ x, 0x9e3779b1);
  hash ^= hash >>> 15;
  hash = Math.imul(hash + 0x7f4a7c15, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
