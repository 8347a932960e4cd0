import { OptionError } from "../errors.ts";
import type { Pacer } from "../event-loop.ts";
import { Prng } from "../generate/prng.ts";
import { Sampler } from "../generate/sampler.ts";
import { checkSampling } from "../generate/sampling-options.ts";
import type { LoadedModel } from "../load/load.ts";
import { loadModel } from "../load/load-model.ts";
import type { LoadOptions } from "../load/options.ts";
import { MAX_ARENA_BYTES } from "../load/plan.ts";
import { startHelpers } from "../load-phi.ts";
import type { Chunk } from "../model/decoder.ts";
import { KV_BLOCK } from "../model/kv-cache.ts";
import type { Source } from "../source/index.ts";
import { renderChat, stopTokensOf, type Tokenizer } from "../tokenizer/index.ts";
import { tokenizerIn } from "../tokenizer/load.ts";
import { CHAT_OPENINGS, TEXT_OPENINGS } from "./openings.ts";

/** Token ids of one sequence, from position 0. */
export type Ids = readonly number[];

/** A text, cut into sequences of `length` tokens side by side, up to `tokens` in all. @throws OptionError for a text of no tokens */
export function textSequences(tokenizer: Tokenizer, text: string, tokens: number, length: number): Ids[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).slice(0, tokens);
  if (ids.length === 0)
    throw new OptionError({ what: "quantizeCheckpoint: the calibration text", got: text, expected: "some tokens" });
  const cut: Ids[] = [];
  for (let i = 0; i < ids.length; i += length) cut.push(ids.slice(i, i + length));
  return cut;
}

/** Sequences that are written side by side, so that each read of the weights serves all of them. */
export const TOGETHER = 8;

/** A sequence that is being written. */
interface Row {
  readonly ids: number[];
  readonly blocks: number[];
  readonly sampler: Sampler;
  done: boolean;
}

/**
 * The model itself, with weights that are quantized as loading does it, as a writer of calibration texts: what it is likely to say is what
 * its matrices will see. Sequence n is the same whatever was written before it or beside it.
 */
export class OwnTexts {
  readonly #model: LoadedModel;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #stopIds: ReadonlySet<number>;
  readonly #seed: number;
  readonly #length: number;

  private constructor(model: LoadedModel, tokenizer: Tokenizer | undefined, seed: number, length: number) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#seed = seed;
    this.#length = length;
    const stops = stopTokensOf(tokenizer, model.generationConfig, { eos_token_id: model.config.eosTokenIds });
    this.#stopIds = new Set(stops.map(({ id }) => id));
  }

  /** @param length of the longest sequence, in tokens @throws as `loadPhi` */
  static async load(
    source: Source,
    seed: number,
    length: number,
    options: Pick<LoadOptions, "threads" | "signal">,
  ): Promise<OwnTexts> {
    const kvTokens = TOGETHER * Math.ceil(length / KV_BLOCK) * KV_BLOCK;
    const sizes = { contextSize: length, kvTokens };
    const model = await loadModel(source, { ...options, weights: "q4", ...sizes }, MAX_ARENA_BYTES, startHelpers);
    try {
      const tokenizer = await tokenizerIn(source, { generationConfig: model.generationConfig });
      return new OwnTexts(model, tokenizer, seed, length);
    } catch (error) {
      model.decoder.dispose();
      throw error;
    }
  }

  /**
   * Sequences number `first` … `first + n - 1`, n ≤ {@link TOGETHER}: an opening each, and what the model makes of it at temperature 1, its last
   * token included.
   * @param wrote called with the number of tokens of each step
   */
  async write(first: number, n: number, pacer: Pacer, wrote: (tokens: number) => void): Promise<Ids[]> {
    const { pool } = this.#model.decoder;
    const rows = Array.from({ length: n }, (_, i) => this.#begin(first + i));
    try {
      for (const row of rows) {
        await this.#read(row, pacer);
        wrote(row.ids.length);
      }
      for (let live = rows; ; ) {
        live = live.filter((row) => !row.done);
        if (live.length === 0) return rows.map(({ ids }) => ids);
        await this.#continue(live, pacer);
        wrote(live.length);
      }
    } finally {
      for (const { blocks } of rows) for (const block of blocks) pool.drop(block);
    }
  }

  #begin(n: number): Row {
    const { decoder, config } = this.#model;
    const ids = [...this.#opening(n)];
    const blocks = Array.from({ length: Math.ceil(this.#length / KV_BLOCK) }, () => decoder.pool.take());
    const seed = (this.#seed * 65536 + n) % Number.MAX_SAFE_INTEGER;
    const sampling = checkSampling("quantizeCheckpoint", { temperature: 1 }, config.vocabSize);
    return { ids, blocks, sampler: new Sampler(sampling, seed, ids), done: false };
  }

  /** The opening, and the first token behind it. */
  async #read(row: Row, pacer: Pacer): Promise<void> {
    const { ids, blocks } = row;
    const { maxChunk } = this.#model.decoder;
    const logits = new Float32Array(this.#model.config.vocabSize);
    for (let start = 0; start < ids.length; start += maxChunk) {
      const part = ids.slice(start, start + maxChunk);
      const last = start + part.length === ids.length;
      await this.#run({ ids: part, start, blocks, ...(last && { logits }) }, pacer);
    }
    this.#choose(row, logits);
  }

  /** One more token of each. */
  async #continue(rows: readonly Row[], pacer: Pacer): Promise<void> {
    const V = this.#model.config.vocabSize;
    const logits = new Float32Array(rows.length * V);
    const ids = rows.map((row) => row.ids[row.ids.length - 1]);
    const apart = rows.map((row) => ({ start: row.ids.length - 1, blocks: row.blocks }));
    await this.#run({ ids, start: 0, blocks: [], apart, logits }, pacer);
    for (const [i, row] of rows.entries()) this.#choose(row, logits.subarray(i * V, (i + 1) * V));
  }

  #choose(row: Row, logits: Float32Array): void {
    const id = row.sampler.next(logits);
    row.ids.push(id);
    row.done = this.#stopIds.has(id) || row.ids.length >= this.#length;
  }

  async #run(chunk: Omit<Chunk, "regime">, pacer: Pacer): Promise<void> {
    const { decoder } = this.#model;
    for (const _ of decoder.layers({ ...chunk, regime: decoder.regimeOf(this.#length) })) await pacer.pace();
  }

  #opening(n: number): Ids {
    const half = Math.floor(n / 2);
    // Without a tokenizer any token is as good as another.
    if (!this.#tokenizer) return [Prng.fromSeed(n).nextInt() % this.#model.config.vocabSize];
    const text = TEXT_OPENINGS[half % TEXT_OPENINGS.length];
    const content = CHAT_OPENINGS[half % CHAT_OPENINGS.length];
    const ids =
      n % 2 === 0 ? this.#tokenizer.encode(text) : renderChat(this.#tokenizer, [{ role: "user", content }]).ids;
    return ids.slice(0, Math.max(1, this.#length - 1));
  }

  dispose(): void {
    this.#model.decoder.dispose();
  }
}
