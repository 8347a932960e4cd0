import type { RopeRegime } from "../model/decoder.ts";
import { KV_BLOCK, type KVPool } from "../model/kv-cache.ts";

/** Blocks that hold `tokens` positions. */
export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / KV_BLOCK);
}

/**
 * Keys and values of one row of tokens: which blocks of the pool hold them, how many positions are valid, by which of LongRoPE's sets they are
 * turned, and with which adapters they were computed. A block may have further owners (forks, cached prefixes); such a block is never written, it is copied first.
 */
export class KVTable {
  readonly pool: KVPool;
  readonly blocks: number[] = [];
  /** Positions 0 … length - 1 are valid. */
  length = 0;
  regime: RopeRegime = "short";
  /** Key of the row's adapters (src/model/adapters.ts), "" for none: those of another mix are other keys and values. */
  readonly mix: string;

  constructor(pool: KVPool, mix = "") {
    this.pool = pool;
    this.mix = mix;
  }

  /** The half-filled last block, if others own it too: it must be copied before position `length` can be written. */
  get sharedTail(): number | undefined {
    if (this.length % KV_BLOCK === 0) return undefined;
    const block = this.blocks[Math.floor(this.length / KV_BLOCK)];
    return this.pool.owners(block) > 1 ? block : undefined;
  }

  /** Free blocks that are needed before positions `length` … `end - 1` can be written. */
  missing(end: number): number {
    if (end <= this.length) return 0;
    return blocksFor(end) - this.blocks.length + (this.sharedTail === undefined ? 0 : 1);
  }

  /** Takes what is missing. The pool has `missing(end)` free blocks. */
  grow(end: number, copyBlock: (from: number, to: number) => void): void {
    if (end <= this.length) return;
    const tail = this.sharedTail;
    if (tail !== undefined) {
      const own = this.pool.take();
      copyBlock(tail, own);
      this.blocks[this.blocks.indexOf(tail)] = own;
      this.pool.drop(tail);
    }
    while (this.blocks.length < blocksFor(end)) this.blocks.push(this.pool.take());
  }

  /** Forgets positions from `length` on, and gives back the blocks that no longer hold any. */
  trim(length: number): void {
    this.length = Math.min(this.length, length);
    while (this.blocks.length > blocksFor(this.length)) this.pool.drop(this.blocks.pop() as number);
  }

  /** Becomes one more owner of the blocks of another row's first `length` positions. This table is empty. */
  share(blocks: readonly number[], length: number, regime: RopeRegime): void {
    for (const block of blocks.slice(0, blocksFor(length))) {
      this.pool.share(block);
      this.blocks.push(block);
    }
    this.length = length;
    this.regime = regime;
  }
}
