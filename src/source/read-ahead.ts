import { Patience } from "./http-retry.ts";

/** Gives bytes [from, to) in pieces, or fewer; what it throws as Transient is tried again from where it broke. */
export type FetchBytes = (from: number, to: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** Bytes of one request, where ranges can be had. */
export const PART = 2 ** 22;
/** Bytes that are held or on their way in front of the reader, at most: four requests at a time. */
export const WINDOW = 4 * PART;
/** A request that has brought so much was worth it: failures before it are forgotten. */
export const ENOUGH = 2 ** 18;
/** What a stream that serves every read may hold from the start. */
const LEAST = 2 ** 16;

/**
 * The bytes of a file in the order of their offsets, fetched before they are asked for: as many ahead as were read in a row, so that whoever
 * reads a header fetches no weights, and whoever reads on waits for no round trip. A jump ahead that lies outside of the window, or back,
 * begins anew. One reader at a time.
 */
export class ReadAhead {
  readonly #fetch: FetchBytes;
  readonly #size: number;
  readonly #ranged: boolean;
  readonly #onBytes?: (bytes: number) => void;
  /** Side by side, the first one being read. */
  #parts: Part[] = [];
  /** Where the reader is. */
  #at = 0;
  /** Bytes read in a row. */
  #run = 0;

  /** @param ranged whether ranges can be fetched; if not, one stream is kept open and paused where it is too fast */
  constructor(fetch: FetchBytes, size: number, ranged: boolean, onBytes?: (bytes: number) => void) {
    this.#fetch = fetch;
    this.#size = size;
    this.#ranged = ranged;
    this.#onBytes = onBytes;
  }

  /** Fills `target` with the bytes from `offset` on. @throws what fetching them throws; a later call begins anew */
  async take(offset: number, target: Uint8Array): Promise<void> {
    const end = offset + target.length;
    if (offset < this.#at || offset > this.#planned) this.#restart(offset);
    const skipped = offset - this.#at;
    try {
      while (this.#at < end) {
        this.#plan(end);
        const [part] = this.#parts;
        const left = offset - this.#at;
        this.#at += left > 0 ? await part.skip(left) : await part.take(target.subarray(-left));
        if (part.at === part.end) this.#parts.shift();
      }
    } catch (error) {
      this.stop(error);
      throw error;
    }
    this.#run += skipped + target.length;
  }

  /** Ends all requests; who waits gets `reason`. */
  stop(reason: unknown): void {
    for (const part of this.#parts) part.stop(reason);
    this.#parts = [];
  }

  get #planned(): number {
    return this.#parts.at(-1)?.end ?? this.#at;
  }

  #restart(offset: number): void {
    this.stop(undefined);
    this.#at = offset;
    this.#run = 0;
  }

  #plan(needed: number): void {
    const wanted = Math.min(this.#size, needed + Math.min(this.#run, WINDOW));
    while (this.#planned < wanted && this.#planned < this.#at + WINDOW) {
      const from = this.#planned;
      const whole = this.#ranged ? Math.min(from + PART, this.#size) : this.#size;
      // What nobody needs yet is not worth a small request.
      if (from >= needed && whole > wanted) break;
      const end = this.#ranged ? Math.min(whole, wanted) : whole;
      this.#parts.push(new Part(from, end, this.#fetch, this.#onBytes));
    }
    for (const part of this.#parts) part.hold(this.#ranged ? PART : Math.min(WINDOW, Math.max(LEAST, this.#run)));
  }
}

/** A run of bytes that is being fetched: pieces come in at one end and are taken at the other. */
class Part {
  readonly end: number;
  /** Offset of the next byte to be taken. */
  at: number;
  /** Offset of the next byte to arrive. */
  #arrived: number;
  readonly #pieces: Uint8Array[] = [];
  readonly #control = new AbortController();
  #most = LEAST;
  #failure: { reason: unknown } | undefined;
  /** Who waits: the reader for bytes, or the fetching for room. */
  #wakeReader = () => {};
  #wakeFetcher = () => {};

  constructor(from: number, end: number, fetch: FetchBytes, onBytes: ((bytes: number) => void) | undefined) {
    this.at = from;
    this.#arrived = from;
    this.end = end;
    this.#run(fetch, onBytes).catch((reason) => this.stop(reason));
  }

  /** Bytes that may lie here, at most (and one piece more). */
  hold(most: number): void {
    this.#most = most;
    this.#wakeFetcher();
  }

  stop(reason: unknown): void {
    this.#failure ??= { reason };
    this.#control.abort(reason);
    this.#wakeReader();
    this.#wakeFetcher();
  }

  async #run(fetch: FetchBytes, onBytes: ((bytes: number) => void) | undefined): Promise<void> {
    const { signal } = this.#control;
    const patience = new Patience();
    while (this.#arrived < this.end) {
      const before = this.#arrived;
      try {
        for await (const piece of fetch(before, this.end, signal)) {
          this.#pieces.push(piece);
          this.#arrived += piece.length;
          onBytes?.(piece.length);
          this.#wakeReader();
          while (this.#arrived - this.at >= this.#most && !signal.aborted) {
            await new Promise<void>((resolve) => {
              this.#wakeFetcher = resolve;
            });
          }
          signal.throwIfAborted();
          if (this.#arrived - before >= ENOUGH) patience.restore();
        }
      } catch (failure) {
        await patience.afterwards(failure, signal);
      }
    }
  }

  /** Waits for bytes and moves the first of them, at most `target.length`. @returns how many */
  async take(target: Uint8Array): Promise<number> {
    return this.#move(target.length, (piece) => target.set(piece));
  }

  /** The same without keeping them. */
  async skip(count: number): Promise<number> {
    return this.#move(count, () => {});
  }

  async #move(most: number, put: (piece: Uint8Array) => void): Promise<number> {
    while (this.#pieces.length === 0) {
      if (this.#failure) throw this.#failure.reason;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const [first] = this.#pieces;
    const piece = first.subarray(0, most);
    put(piece);
    if (piece.length === first.length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(piece.length);
    this.at += piece.length;
    this.#wakeFetcher();
    return piece.length;
  }
}
