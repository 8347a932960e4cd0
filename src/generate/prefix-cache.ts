import type { RopeRegime } from "../model/decoder.ts";
import { KV_BLOCK } from "../model/kv-cache.ts";
import type { KVTable } from "./kv-table.ts";

/** Tokens whose keys and values are kept after their call has ended: `blocks` hold exactly `tokens`. */
interface Prefix {
  tokens: number[];
  blocks: number[];
  regime: RopeRegime;
  /** Key of the adapters with which they were computed. */
  mix: string;
}

/** Tokens and blocks that a new row may begin with, and for how many positions they agree with it. */
export interface Match {
  length: number;
  blocks: readonly number[];
}

/**
 * What ended calls have computed, so that a call which begins with the same tokens need not compute it again. An entry owns its blocks
 * like any row does; when blocks run out, entries give theirs, the least recently used entry first and from its end.
 */
export class PrefixCache {
  /** The least recently used first. */
  #entries: Prefix[] = [];
  readonly #drop: (block: number) => void;

  constructor(drop: (block: number) => void) {
    this.#drop = drop;
  }

  /** The longest beginning of `tokens`, at most `limit` of them, that an entry of this regime and these adapters holds; it counts as used now. */
  find(tokens: readonly number[], limit: number, regime: RopeRegime, mix = ""): Match {
    let best: Prefix | undefined;
    let length = 0;
    for (const entry of this.#entries) {
      if (entry.regime !== regime || entry.mix !== mix) continue;
      const common = commonPrefix(entry.tokens, tokens, limit);
      if (common > length) {
        best = entry;
        length = common;
      }
    }
    if (best) this.#touch(best);
    return { length, blocks: best?.blocks ?? [] };
  }

  /** Takes over the blocks of `kv`, which holds the beginning of `tokens`; `kv` is empty afterwards. */
  keep(tokens: readonly number[], kv: KVTable): void {
    kv.trim(kv.length);
    const { regime, mix } = kv;
    const entry: Prefix = { tokens: tokens.slice(0, kv.length), blocks: kv.blocks.splice(0), regime, mix };
    kv.length = 0;
    const contains = (a: Prefix, b: Prefix) =>
      a.regime === b.regime && a.mix === b.mix && commonPrefix(a.tokens, b.tokens, b.tokens.length) === b.tokens.length;
    const longer = this.#entries.find((e) => contains(e, entry));
    if (longer || entry.tokens.length === 0) {
      this.#give(entry);
      if (longer) this.#touch(longer);
      return;
    }
    for (const old of this.#entries.filter((e) => contains(entry, e))) this.#remove(old);
    this.#entries.push(entry);
  }

  /** Gives up one block of the least recently used entry; it is free then unless others own it. False if there was none. */
  evict(): boolean {
    const entry = this.#entries[0];
    if (!entry) return false;
    this.#drop(entry.blocks.pop() as number);
    entry.tokens.length = Math.min(entry.tokens.length, entry.blocks.length * KV_BLOCK);
    if (entry.blocks.length === 0) this.#remove(entry);
    return true;
  }

  clear(): void {
    while (this.evict());
  }

  #touch(entry: Prefix): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#entries.push(entry);
  }

  #remove(entry: Prefix): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#give(entry);
  }

  /** From its end, so that the next row has them in order: attention reads such blocks as one stream. */
  #give({ blocks }: Prefix): void {
    while (blocks.length > 0) this.#drop(blocks.pop() as number);
  }
}

/** For how many tokens, at most `limit`, a and b agree. */
export function commonPrefix(a: readonly number[], b: readonly number[], limit: number): number {
  const end = Math.min(a.length, b.length, limit);
  let n = 0;
  while (n < end && a[n] === b[n]) n++;
  return n;
}
