// Kept in the declarations: projects whose "lib" ends at ES2022 do not know Symbol.asyncDispose.
/// <reference lib="esnext.disposable" preserve="true" />
import { OptionError } from "../errors.ts";
import { checkCallback, checkChoice, checkNumber, checkOptions } from "../options.ts";
import type { AdapterOption } from "./adapters.ts";
import type { LogitsWanted, SequenceHandle } from "./backend.ts";
import type { RopeChoice } from "./engine.ts";
import { checkIds, type TokenIds } from "./ids.ts";
import { checkSignal } from "./options.ts";
import { Queue } from "./queue.ts";
import type { Progress, Reprefill } from "./row.ts";

/** Options of {@link Phi.forward} and {@link Sequence.forward}. */
export interface ForwardOptions {
  /** Of which of the T new tokens logits are returned: Float32Array [T·V], [V] (the default), or [0]. */
  logits?: LogitsWanted;
  /** Checked at every chunk of tokens; the call rejects with its reason. */
  signal?: AbortSignal;
  /** Called after each chunk of tokens. */
  onProgress?: (progress: Progress) => void;
  /** Called when LongRoPE's switch made cached keys and values stale, after the first chunk of computing them again. */
  onReprefill?: (event: Reprefill) => void;
}

/** Options of {@link Phi.sequence}. */
export interface SequenceOptions extends AdapterOption {
  /**
   * LongRoPE models: "auto" (default) takes the factor set by the length at the end of each forward, as the reference does, and computes
   * the sequence again when it crosses the switch, unless the model was loaded with `rope: "long"`; "long" takes the long set from the start.
   */
  rope?: RopeChoice;
}

/**
 * Tokens and their keys and values, to be grown, cut and forked. Calls on one sequence run in the order in which they were made; `length`
 * and `tokens` show the state after the last call that has ended. A forward that fails or is aborted leaves the sequence as it was.
 */
export class Sequence {
  readonly #handle: SequenceHandle;
  readonly #tokens: number[];
  readonly #calls = new Queue();

  /** Made by {@link Phi.sequence} and {@link fork}. */
  constructor(handle: SequenceHandle, tokens: number[] = []) {
    this.#handle = handle;
    this.#tokens = tokens;
  }

  /** Tokens in the sequence. */
  get length(): number {
    this.#handle.check();
    return this.#tokens.length;
  }

  /** The ids of the sequence, as a copy. */
  get tokens(): number[] {
    this.#handle.check();
    return [...this.#tokens];
  }

  /**
   * Appends T ≥ 1 tokens. Logits (f32) do not depend on how tokens are cut into calls, LongRoPE's switch excepted, which looks at the length at the
   * end of this call.
   * @throws OptionError for ids that are not in the vocabulary and for unknown options
   * @throws ContextError if the sequence would outgrow contextSize (code "context_full") or the KV pool (code "kv_full")
   * @throws DisposedError, MemoryError (no memory for the logits), or the signal's reason
   */
  async forward(ids: TokenIds, options: ForwardOptions = {}): Promise<Float32Array> {
    const handle = this.#handle;
    handle.check();
    const list = checkIds("forward", ids, handle.vocabSize);
    const wanted = checkForward(options);
    return this.#calls.run(async () => {
      const logits = await handle.forward(list, wanted, options);
      for (const id of list) this.#tokens.push(id);
      return logits;
    });
  }

  /** Forgets all but the first `length` tokens. @throws OptionError if there are not as many, DisposedError */
  async truncate(length: number): Promise<void> {
    this.#handle.check();
    return this.#calls.run(async () => {
      this.#handle.check();
      checkNumber("truncate", "length", length, { min: 0, max: this.#tokens.length, integer: true }, Number.NaN);
      if (length === undefined)
        throw new OptionError({ what: "truncate: length", got: length, expected: "an integer" });
      await this.#handle.truncate(length);
      this.#tokens.length = length;
    });
  }

  /**
   * A second sequence with the same tokens, independent from here on. It shares the KV blocks; who first writes into a half-filled one copies
   * that. Nothing is computed.
   * @throws DisposedError
   */
  async fork(): Promise<Sequence> {
    this.#handle.check();
    return this.#calls.run(async () => new Sequence(await this.#handle.fork(), [...this.#tokens]));
  }

  /** Gives the blocks back. Pending calls reject with DisposedError; a second dispose does nothing. */
  async dispose(): Promise<void> {
    await this.#handle.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.dispose();
  }
}

/** @param more options that the call has besides @throws OptionError */
export function checkForward(options: ForwardOptions, more: readonly string[] = []): LogitsWanted {
  checkOptions("forward", options, ["logits", "signal", "onProgress", "onReprefill", ...more]);
  checkSignal("forward", options.signal);
  checkCallback("forward", "onProgress", options.onProgress);
  checkCallback("forward", "onReprefill", options.onReprefill);
  return checkChoice("forward", "logits", options.logits, ["all", "last", "none"], "last");
}
