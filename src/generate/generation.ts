import { IterationError } from "../errors.ts";
import type { GenerateResult, Piece } from "./result.ts";

/** Why a run is aborted whose reader has left: no error, it ends with what there is. */
export const LEFT = Symbol("the reader left");

/** How a generation ended. */
type Outcome<Result> = { result: Result } | { error: unknown };

/**
 * One generation, read piece by piece (`for await`), as a whole (`result()`), or both: there is one run, which begins at the first
 * reading and works only while somebody waits for it. Leaving the loop early ends the run, unless a `result()` is awaited, and frees all it held;
 * `result()` then gives what there was.
 */
export class Generation<Result extends GenerateResult = GenerateResult> implements AsyncIterable<Piece> {
  readonly #run: AsyncGenerator<Piece, Result, void>;
  /** Tells the run that its reader has left. */
  readonly #ending = new AbortController();
  /** Made and not yet taken by the iterator. */
  readonly #pieces: Piece[] = [];
  #outcome: Outcome<Result> | undefined;
  /** The pull that is under way. */
  #pull: Promise<void> | undefined;
  #iterated = false;
  #resultsAwaited = 0;

  /** Made by {@link Phi.generate} and {@link Phi.chat}. */
  constructor(start: (ending: AbortController) => AsyncGenerator<Piece, Result, void>) {
    this.#run = start(this.#ending);
  }

  /**
   * The whole answer, once it is there. After some iteration it goes on from there; asked again it is the same.
   * @throws what the run throws: ContextError, DisposedError, LogitsError, or the signal's reason
   */
  async result(): Promise<Result> {
    this.#resultsAwaited++;
    try {
      while (!this.#outcome) await this.#next();
    } finally {
      this.#resultsAwaited--;
    }
    if ("error" in this.#outcome) throw this.#outcome.error;
    return this.#outcome.result;
  }

  /** @throws IterationError the second time: the pieces are there once */
  [Symbol.asyncIterator](): AsyncIterator<Piece, undefined, void> {
    if (this.#iterated) {
      throw new IterationError({
        what: "the pieces of this generation were asked for twice",
        expected: "one loop; result() has the whole, as often as you like",
      });
    }
    this.#iterated = true;
    let over = false;
    const done = { done: true, value: undefined } as const;
    return {
      next: async () => {
        while (!over) {
          const piece = this.#pieces.shift();
          if (piece) return { done: false, value: piece };
          if (!this.#outcome) await this.#next();
          else {
            over = true;
            if ("error" in this.#outcome) throw this.#outcome.error;
          }
        }
        return done;
      },
      return: async () => {
        over = true;
        this.#pieces.length = 0;
        await this.#leave();
        return done;
      },
    };
  }

  async #leave(): Promise<void> {
    if (this.#resultsAwaited > 0) return;
    this.#ending.abort(LEFT);
    while (!this.#outcome) await this.#next();
  }

  /** Waits for the next piece or the end; all who wait share one pull. */
  #next(): Promise<void> {
    this.#pull ??= this.#run
      .next()
      .then(
        (step) => {
          if (step.done) this.#outcome = { result: step.value };
          else this.#pieces.push(step.value);
        },
        (error: unknown) => {
          this.#outcome = { error };
        },
      )
      .finally(() => {
        this.#pull = undefined;
      });
    return this.#pull;
  }
}
