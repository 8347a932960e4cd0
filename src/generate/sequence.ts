// Kept in the declarations: projects whose "lib" ends at ES2022 do not know Symbol.asyncDispose.
/// <reference lib="esnext.disposable" preserve="true" />
import { MemoryError, OptionError } from "../errors.ts";
import { checkCallback, checkChoice, checkNumber, checkOptions } from "../options.ts";
import type { RopeChoice } from "./engine.ts";
import { checkIds, type TokenIds } from "./ids.ts";
import { checkSignal } from "./options.ts";
import { Queue } from "./queue.ts";
import type { Progress, Reprefill, Row } from "./row.ts";

/** Options of {@link Phi.forward} and {@link Sequence.forward}. */
export interface ForwardOptions {
  /** Of which of the T new tokens logits are returned: Float32Array [T·V], [V] (the default), or [0]. */
  logits?: "all" | "last" | "none";
  /** Checked at every chunk of tokens; the call rejects with its reason. */
  signal?: AbortSignal;
  /** Called after each chunk of tokens. */
  onProgress?: (progress: Progress) => void;
  /** Called when LongRoPE's switch made cached keys and values stale, after the first chunk of computing them again. */
  onReprefill?: (event: Reprefill) => void;
}

/** Options of {@link Phi.sequence}. */
export interface SequenceOptions {
  /**
   * LongRoPE models: "auto" (default) takes the factor set by the length at the end of each forward, as the reference does, and computes
   * the sequence again when it crosses the switch; "long" takes the long set from the start.
   */
  rope?: RopeChoice;
}

/**
 * Tokens and their keys and values, to be grown, cut and forked. Calls on one sequence run in the order in which they were made; `length`
 * and `tokens` show the state after the last call that has ended. A forward that fails or is aborted leaves the sequence as it was.
 */
export class Sequence {
  readonly #row: Row;
  readonly #calls = new Queue();

  /** Made by {@link Phi.sequence} and {@link fork}. */
  constructor(row: Row) {
    this.#row = row;
  }

  /** Tokens in the sequence. */
  get length(): number {
    this.#row.check();
    return this.#row.length;
  }

  /** The ids of the sequence, as a copy. */
  get tokens(): number[] {
    this.#row.check();
    return this.#row.tokens.slice(0, this.#row.length);
  }

  /**
   * Appends T ≥ 1 tokens. Logits (f32) do not depend on how tokens are cut into calls, LongRoPE's switch excepted, which looks at the length at the
   * end of this call.
   * @throws OptionError for ids that are not in the vocabulary and for unknown options
   * @throws ContextError if the sequence would outgrow contextSize (code "context_full") or the KV pool (code "kv_full")
   * @throws DisposedError, MemoryError (no memory for the logits), or the signal's reason
   */
  async forward(ids: TokenIds, options: ForwardOptions = {}): Promise<Float32Array> {
    const row = this.#row;
    row.check();
    const list = checkIds("forward", ids, row.engine.vocabSize);
    const logits = checkForward(options);
    return this.#calls.run(() => forwardRow(row, list, logits, options));
  }

  /** Forgets all but the first `length` tokens. @throws OptionError if there are not as many, DisposedError */
  async truncate(length: number): Promise<void> {
    this.#row.check();
    return this.#calls.run(() => {
      this.#row.check();
      checkNumber("truncate", "length", length, { min: 0, max: this.#row.length, integer: true }, Number.NaN);
      if (length === undefined)
        throw new OptionError({ what: "truncate: length", got: length, expected: "an integer" });
      this.#row.truncate(length);
    });
  }

  /**
   * A second sequence with the same tokens, independent from here on. It shares the KV blocks; who first writes into a half-filled one copies
   * that. Nothing is computed.
   * @throws DisposedError
   */
  async fork(): Promise<Sequence> {
    this.#row.check();
    return this.#calls.run(() => new Sequence(this.#row.fork()));
  }

  /** Gives the blocks back. Pending calls reject with DisposedError; a second dispose does nothing. */
  async dispose(): Promise<void> {
    this.#row.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#row.dispose();
  }
}

/** @throws OptionError */
export function checkForward(options: ForwardOptions): "all" | "last" | "none" {
  checkOptions("forward", options, ["logits", "signal", "onProgress", "onReprefill"]);
  checkSignal("forward", options.signal);
  checkCallback("forward", "onProgress", options.onProgress);
  checkCallback("forward", "onReprefill", options.onReprefill);
  return checkChoice("forward", "logits", options.logits, ["all", "last", "none"], "last");
}

/** Extends `row` by ids [T] and returns logits f32 [T·V], [V] or [0]. */
export async function forwardRow(
  row: Row,
  ids: number[],
  logits: "all" | "last" | "none",
  options: ForwardOptions,
): Promise<Float32Array> {
  options.signal?.throwIfAborted();
  row.check();
  const { engine } = row;
  const rows = logits === "all" ? ids.length : logits === "last" ? 1 : 0;
  // The length is checked before the memory for it is taken.
  row.checkFits(ids.length);
  const into = allocate(rows * engine.vocabSize);
  const { signal, onProgress, onReprefill } = options;
  await row.extend(ids, { logits, into, signal, onProgress, onReprefill });
  return into;
}

function allocate(n: number): Float32Array {
  try {
    return new Float32Array(n);
  } catch (cause) {
    throw new MemoryError({
      what: `no memory for logits`,
      got: `${n} float32`,
      expected: `fewer tokens, or logits: "last"`,
      cause,
    });
  }
}
