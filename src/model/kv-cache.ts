import { ContextError } from "../errors.ts";
import { KV_BLOCK } from "../kernels/kernels.ts";

export { KV_BLOCK };

/**
 * The pool of KV blocks: numbers only. Block `b` means the b-th block of every layer's pool, in whichever arena that layer lies, so one
 * list of numbers serves a sequence in all layers. Blocks are counted by their owners: forks and cached prefixes share full blocks.
 */
export class KVPool {
  /** Blocks in all. */
  readonly blocks: number;
  #owners: Uint32Array;
  #free: number[] = [];

  constructor(blocks: number) {
    this.blocks = blocks;
    this.#owners = new Uint32Array(blocks);
    for (let b = blocks - 1; b >= 0; b--) this.#free.push(b);
  }

  /** Tokens that the pool holds. */
  get tokens(): number {
    return this.blocks * KV_BLOCK;
  }

  get freeBlocks(): number {
    return this.#free.length;
  }

  /** A block with one owner. @throws ContextError (code "kv_full") if none is free */
  take(): number {
    const block = this.#free.pop();
    if (block === undefined)
      throw new ContextError({ what: `the KV pool is full`, got: `${this.tokens} tokens in use` }, "kv_full");
    this.#owners[block] = 1;
    return block;
  }

  /** One more owner of `block`. */
  share(block: number): void {
    this.#owners[block]++;
  }

  /** One owner less; the block is free when none is left. */
  drop(block: number): void {
    if (--this.#owners[block] === 0) this.#free.push(block);
  }

  owners(block: number): number {
    return this.#owners[block];
  }
}
