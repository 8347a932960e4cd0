import { DisposedError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import type { Chunk, Decoder, RopeRegime } from "../model/decoder.ts";
import { Queue } from "./queue.ts";
import { type Holder, Room } from "./room.ts";

/** Which of LongRoPE's factor sets a row uses: as the reference does, by its length at the end of each forward; or the long one always. */
export type RopeChoice = "auto" | "long";

/** Tokens of a chunk while several rows take steps: whoever waits for one, waits for so many tokens. */
const SHARED_CHUNK = 32;

/** What the rows of one model share: the decoder, one queue for its steps, the room for their keys and values, the event loop's turns. */
export class Engine {
  readonly decoder: Decoder;
  /** The most tokens of a row. */
  readonly contextSize: number;
  readonly room: Room;
  disposed = false;
  readonly #steps = new Queue();
  readonly #pacer: Pacer;
  readonly #disposals = new Set<() => void>();
  /** The row whose step was the last. */
  #last: Holder | undefined;
  #lost: Error | undefined;

  constructor(decoder: Decoder, contextSize: number, pacer: Pacer = new Pacer()) {
    this.decoder = decoder;
    this.contextSize = contextSize;
    this.room = new Room(decoder);
    this.#pacer = pacer;
    decoder.onLost?.((error) => {
      this.#lost ??= error;
      this.dispose();
    });
  }

  /** V */
  get vocabSize(): number {
    return this.decoder.config.vocabSize;
  }

  /** @throws DisposedError, or why the decoder is gone */
  check(): void {
    if (this.#lost) throw this.#lost;
    if (this.disposed) throw new DisposedError("the model");
  }

  regimeOf(length: number, rope: RopeChoice): RopeRegime {
    return rope === "long" ? "long" : this.decoder.regimeOf(length);
  }

  /**
   * Runs one step: alone, after all steps that were asked for before it, and after the event loop's turn if that is due. The queue is per
   * step, not per call: a call whose reader is slow, or calls another one meanwhile, holds nobody up.
   * @throws the signal's reason if it is aborted by then
   */
  step<T>(work: () => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#steps.run(async () => {
      await this.#pacer.pace();
      signal?.throwIfAborted();
      return work();
    });
  }

  /** How many tokens the step of a row that has its turn takes at most: fewer while another's steps come between. */
  chunkOf(row: Holder): number {
    const alone = this.#last === undefined || this.#last === row;
    this.#last = row;
    const { maxChunk } = this.decoder;
    return alone ? maxChunk : Math.min(SHARED_CHUNK, maxChunk);
  }

  /** Runs a chunk, giving the event loop its turn between layers; `check` is called after each turn and may throw to leave the chunk. */
  async run(chunk: Chunk, check: () => void): Promise<void> {
    for (const _ of this.decoder.layers(chunk)) {
      if (!this.#pacer.due) continue;
      await this.#pacer.turn();
      check();
    }
  }

  /** Registers a row; `dispose` is called with the engine's own. */
  add(holder: Holder, dispose: () => void): void {
    this.check();
    this.room.holders.add(holder);
    this.#disposals.add(dispose);
  }

  remove(holder: Holder, dispose: () => void): void {
    this.room.holders.delete(holder);
    this.#disposals.delete(dispose);
    if (this.#last === holder) this.#last = undefined;
  }

  /** Ends every row, forgets cached prefixes and gives the model's memory back. Pending calls reject with DisposedError. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const dispose of this.#disposals) dispose();
    this.room.prefixes.clear();
    this.decoder.dispose();
    this.room.wake();
  }
}
