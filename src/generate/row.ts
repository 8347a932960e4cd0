import { ContextError, DisposedError } from "../errors.ts";
import { type AdapterMix, NO_ADAPTERS } from "../model/adapters.ts";
import type { RopeRegime } from "../model/decoder.ts";
import type { Engine, RopeChoice } from "./engine.ts";
import { KVTable } from "./kv-table.ts";
import type { Holder } from "./room.ts";

/** Cached keys and values that were turned by the other LongRoPE set and are computed again. */
export interface Reprefill {
  /** The set that is used from here on. */
  regime: RopeRegime;
  /** Length of the sequence at the end of the forward that made it necessary. */
  length: number;
  /** How many positions had been cached. */
  tokens: number;
}

/** Where a forward stands: `processed` of `total` tokens of the sequence, of which `cached` needed no work. */
export interface Progress {
  /** Tokens whose keys and values are there, cached ones included. */
  processed: number;
  /** Tokens of the sequence at the end of the forward. */
  total: number;
  cached: number;
}

export interface ExtendOptions {
  /** Positions whose logits are computed: of the new tokens all, only the last, or none. */
  logits: "all" | "last" | "none";
  /** f32 [T·V] for "all", [V] for "last". */
  into?: Float32Array;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  onReprefill?: (event: Reprefill) => void;
}

export interface Extended {
  /** Tokens that were not computed: in the row's own cache before, or adopted from an earlier call. */
  cached: number;
  /** Decoder steps that were run. */
  steps: number;
}

/** One forward in progress, of the tokens 0 … total - 1 of the row, of which those from `start` on are new. */
interface Goal extends ExtendOptions {
  start: number;
  total: number;
  regime: RopeRegime;
  cached?: number;
  /** What has happened and is not yet reported. */
  reprefill?: Reprefill;
}

/**
 * A row of tokens and its keys and values. The tokens are the truth; what of their keys and values is cached may shrink at any time
 * (LongRoPE's switch, a lack of room) and is computed again, to the same bits, by the next {@link extend}.
 */
export class Row implements Holder {
  readonly kind: "sequence" | "call";
  readonly kv: KVTable;
  /** The row's tokens, followed by those that are being added. */
  readonly tokens: number[] = [];
  paused = false;
  disposed = false;
  readonly engine: Engine;
  readonly rope: RopeChoice;
  readonly adapters: AdapterMix;
  #length = 0;
  readonly #dispose = () => this.dispose();

  constructor(engine: Engine, kind: "sequence" | "call", rope: RopeChoice, adapters: AdapterMix = NO_ADAPTERS) {
    this.engine = engine;
    this.kind = kind;
    this.rope = rope;
    this.adapters = adapters;
    this.kv = new KVTable(engine.decoder.pool, adapters.key);
    engine.add(this, this.#dispose);
  }

  get length(): number {
    return this.#length;
  }

  /** @throws DisposedError */
  check(): void {
    this.engine.check();
    if (this.disposed) throw new DisposedError("the sequence");
  }

  /** @throws ContextError if `T` more tokens would outgrow the context */
  checkFits(T: number): void {
    const total = this.#length + T;
    const { contextSize } = this.engine;
    if (total <= contextSize) return;
    throw new ContextError({
      what: `the context is full: ${this.#length} tokens and ${T} new ones are ${total}`,
      got: total,
      expected: `at most contextSize = ${contextSize} tokens`,
    });
  }

  /**
   * Adds `ids` (T ≥ 1 valid ids, for which there is room: see {@link checkFits}) and computes what is missing. If it throws, the row is as
   * it was. Not to be called while another is running.
   * @throws ContextError (code "kv_full"), DisposedError, or the signal's reason
   */
  async extend(ids: ArrayLike<number>, options: ExtendOptions): Promise<Extended> {
    this.check();
    const start = this.#length;
    const total = start + ids.length;
    for (let i = 0; i < ids.length; i++) this.tokens.push(ids[i]);
    const goal: Goal = { ...options, start, total, regime: this.engine.regimeOf(total, this.rope) };
    try {
      const steps = await this.#reach(goal);
      this.#length = total;
      return { cached: goal.cached ?? 0, steps };
    } catch (error) {
      // What a call has computed so far may serve the next one; a sequence goes back to what it was.
      if (this.kind === "call") this.engine.room.park(this);
      this.tokens.length = start;
      this.kv.trim(start);
      throw error;
    }
  }

  async #reach(goal: Goal): Promise<number> {
    const { engine, kv } = this;
    let steps = 0;
    let attempt = 0;
    while (goal.cached === undefined || kv.length < goal.total) {
      const waiting = await engine.step(async () => {
        this.check();
        this.#adopt(goal);
        if (!engine.room.grow(kv, goal.total)) return [engine.room.wait(this, goal.total, attempt, goal.signal)];
        goal.cached ??= kv.length;
        if (kv.length < goal.total) {
          await this.#step(goal);
          steps++;
        }
        return undefined;
      }, goal.signal);
      attempt = waiting ? attempt + 1 : 0;
      if (waiting) await waiting[0];
      else this.#report(goal);
    }
    return steps;
  }

  /** Drops what was turned by the wrong set, and begins an empty table with what is known of these tokens. */
  #adopt(goal: Goal): void {
    const { kv } = this;
    if (kv.length > 0 && kv.regime !== goal.regime) {
      goal.reprefill = { regime: goal.regime, length: goal.total, tokens: kv.length };
      kv.trim(0);
    }
    if (kv.length > 0) return;
    const limit = goal.logits === "all" ? goal.start : goal.logits === "last" ? goal.total - 1 : goal.total;
    this.engine.room.adopt(kv, this.tokens, limit, goal.regime);
  }

  /** Callbacks run here, outside of the step: they may dispose of what they like. */
  #report(goal: Goal): void {
    const { reprefill, total, cached = 0 } = goal;
    goal.reprefill = undefined;
    if (reprefill) goal.onReprefill?.(reprefill);
    goal.onProgress?.({ processed: this.kv.length, total, cached });
  }

  /** One chunk: the next tokens from the first that is not cached. */
  async #step({ start, total, regime, logits, into, signal }: Goal): Promise<void> {
    const { engine } = this;
    const { vocabSize: V } = engine;
    const { kv, adapters } = this;
    const from = kv.length;
    let end = Math.min(from + engine.chunkOf(this), total);
    // Logits of all new tokens: their chunks begin where they do.
    if (logits === "all" && from < start) end = Math.min(end, start);
    let out: Float32Array | undefined;
    if (logits === "all" && from >= start) out = into?.subarray((from - start) * V, (end - start) * V);
    if (logits === "last" && end === total) out = into;
    const chunk = { ids: this.tokens.slice(from, end), start: from, blocks: kv.blocks, regime, adapters, logits: out };
    await engine.run(chunk, () => {
      signal?.throwIfAborted();
      this.check();
    });
    kv.length = end;
  }

  /** Forgets the tokens from `length` on. */
  truncate(length: number): void {
    this.check();
    this.tokens.length = length;
    this.#length = length;
    this.kv.trim(length);
    this.engine.room.wake();
  }

  /** A row with the same tokens, which shares all blocks; whoever writes first into the half-filled last one copies it. */
  fork(): Row {
    this.check();
    const copy = new Row(this.engine, this.kind, this.rope, this.adapters);
    for (const id of this.tokens) copy.tokens.push(id);
    copy.#length = this.#length;
    copy.kv.share(this.kv.blocks, this.kv.length, this.kv.regime);
    return copy;
  }

  /** Leaves keys and values to the prefix cache. A running forward rejects with DisposedError. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.engine.room.park(this);
    this.engine.remove(this, this.#dispose);
    this.engine.room.wake();
  }
}
