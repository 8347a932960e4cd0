import { ContextError } from "../errors.ts";
import { giveTurn } from "../event-loop.ts";
import type { Decoder, RopeRegime } from "../model/decoder.ts";
import { KV_BLOCK } from "../model/kv-cache.ts";
import { blocksFor, type KVTable } from "./kv-table.ts";
import { commonPrefix, type Match, PrefixCache } from "./prefix-cache.ts";

/** One who holds blocks: a user's sequence, or a call (generate, chat, forward) that keeps them for as long as it runs. */
export interface Holder {
  readonly kind: "sequence" | "call";
  readonly kv: KVTable;
  /** The tokens that `kv` holds, and more. */
  readonly tokens: readonly number[];
  /** A call that waits for its reader; nobody knows whether it comes back. */
  readonly paused: boolean;
}

/**
 * Who gets the pool's blocks. Free ones first; then cached prefixes give way, the least recently used first. After that:
 * - what users' sequences hold is theirs: the one who asks gets a ContextError;
 * - calls share the rest in turn, as if they queued: a call that finds no room parks its own keys and values in the prefix cache and waits until
 *   another call ends or pauses; a paused call is parked by whoever needs room. What parking loses is computed again, to the same bits.
 * A call that waits holds nothing and one that works is never robbed, so that somebody always goes on.
 */
export class Room {
  readonly prefixes: PrefixCache;
  readonly holders = new Set<Holder>();
  readonly #decoder: Decoder;
  #waiting: (() => void)[] = [];

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
    this.prefixes = new PrefixCache((block) => decoder.pool.drop(block));
  }

  /** Gives an empty `kv` the longest known beginning of `tokens`, at most `limit` of them: of a cached prefix or of a live row, with the same adapters. */
  adopt(kv: KVTable, tokens: readonly number[], limit: number, regime: RopeRegime): void {
    let best: Match = this.prefixes.find(tokens, limit, regime, kv.mix);
    for (const other of this.holders) {
      if (other.kv === kv || other.kv.regime !== regime || other.kv.mix !== kv.mix) continue;
      const length = commonPrefix(other.tokens, tokens, Math.min(limit, other.kv.length));
      if (length > best.length) best = { length, blocks: other.kv.blocks };
    }
    kv.share(best.blocks, best.length, regime);
  }

  /** Makes positions up to `end - 1` writable, if cached prefixes can make room for it. */
  grow(kv: KVTable, end: number): boolean {
    const { pool } = this.#decoder;
    while (pool.freeBlocks < kv.missing(end)) if (!this.prefixes.evict()) return false;
    kv.grow(end, (from, to) => this.#decoder.copyBlock(from, to));
    return true;
  }

  /**
   * To be called right after `grow` has failed; the promise is awaited with no step held, before trying again.
   * @param attempt how many times `grow` has failed in a row before; a paused call's reader has one turn of the event loop to come back
   * @throws ContextError (code "kv_full") if no call holds what is missing
   */
  wait(holder: Holder, end: number, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const calls = [...this.holders].filter((h) => h !== holder && h.kind === "call" && h.kv.blocks.length > 0);
    if (calls.length === 0 || !this.#possible(holder, end)) throw this.#full(holder, end);
    if (holder.kind === "call") this.park(holder);
    if (attempt === 0) return giveTurn();
    const paused = calls.find((h) => h.paused);
    if (!paused) return this.#change(signal);
    this.park(paused);
    return Promise.resolve();
  }

  /** Moves a holder's keys and values into the prefix cache. */
  park(holder: Holder): void {
    this.prefixes.keep(holder.tokens, holder.kv);
  }

  /** Wakes those who wait: a call ended or paused, or blocks were given back. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        signal?.removeEventListener("abort", go);
        resolve();
      };
      this.#waiting.push(go);
      signal?.addEventListener("abort", go);
      if (signal?.aborted) go();
    });
  }

  /** Whether the row would fit if every other call and every cached prefix gave way. */
  #possible(holder: Holder, end: number): boolean {
    const theirs = this.#sequenceBlocks(holder);
    const { kv } = holder;
    const tail = kv.sharedTail;
    const shared = kv.blocks.filter((block) => theirs.has(block) && block !== tail).length;
    return blocksFor(end) - shared <= this.#decoder.pool.blocks - theirs.size;
  }

  /** Blocks that users' other sequences own. */
  #sequenceBlocks(holder: Holder): Set<number> {
    const blocks = new Set<number>();
    for (const other of this.holders) {
      if (other !== holder && other.kind === "sequence") for (const block of other.kv.blocks) blocks.add(block);
    }
    return blocks;
  }

  #full(holder: Holder, end: number): ContextError {
    const { pool } = this.#decoder;
    const theirs = this.#sequenceBlocks(holder).size;
    return new ContextError(
      {
        what: `the KV pool is full: a ${holder.kind} of ${end} tokens needs ${blocksFor(end)} blocks of ${KV_BLOCK} tokens`,
        got: `a pool of ${pool.blocks} blocks (${pool.tokens} tokens), of which other sequences hold ${theirs}`,
        expected: "fewer or shorter live sequences, or a larger kvTokens",
      },
      "kv_full",
    );
  }
}
