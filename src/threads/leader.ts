import { WorkerError } from "../errors.ts";
import { type Crew, SCRATCH, type Workplace } from "../kernels/crew.ts";
import type { Operations } from "../kernels/kernels.ts";
import { sharedKernels } from "../kernels/shared.ts";
import type { DotForm } from "../kernels/simd.ts";
import type { HelperSetup } from "./helper.ts";
import type { HelperThreads } from "./helpers.ts";

/** How long the leader sleeps at a time over what helpers have claimed, in milliseconds. */
const NAP_MS = 20;
/**
 * After so many naps with nothing finished a helper is taken for lost: ten seconds of this thread's own waking time, for pieces of work that take
 * milliseconds. (Not by the clock: while a computer sleeps, so do helpers.) It comes to that only where an engine does not tell of a thread's end.
 */
const NAPS = 500;

/**
 * The thread in which a model's decoder runs, as the one of several that gives out work. Between two jobs nothing is claimed: helpers may come late,
 * or be ended then, and nobody notices. Within a job it waits for what a helper has claimed, until that is done or the helper is known to be lost.
 */
export class Leader implements Crew {
  readonly threads: number;
  readonly #places: Workplace[] = [];
  /** Which of them it is in. */
  #at = 0;
  #helpers: HelperThreads | undefined;
  #lost: WorkerError | undefined;
  readonly #onLost: (error: WorkerError) => void;

  readonly #naps: number;

  /**
   * @param onLost called once, when a helper is lost; from then on every job is refused with the same error
   * @param naps how many of {@link NAP_MS} are waited without anything being finished
   */
  constructor(threads: number, onLost: (error: WorkerError) => void, naps: number = NAPS) {
    this.threads = threads;
    this.#onLost = onLost;
    this.#naps = naps;
  }

  operations(place: Workplace, alone: Operations, form: DotForm): Operations {
    return sharedKernels(place, alone, form, this);
  }

  open(place: Workplace): () => void {
    const index = this.#places.push(place) - 1;
    const { exports } = place;
    return () => {
      if (this.#lost) throw this.#lost;
      if (this.#at !== index) this.#move(index);
      try {
        const theirs = exports.lead(SCRATCH);
        if (theirs > 0) this.#join(place, theirs);
      } catch (cause) {
        // A trap of our own leaves the job unfinished, and helpers at work on it.
        throw cause === this.#lost
          ? cause
          : this.lose(new WorkerError({ what: "a kernel has failed", cause }, "worker_died"));
      }
    };
  }

  #move(to: number): void {
    this.#places[to].exports.arrive();
    this.#places[this.#at].exports.leave(to + 1);
    this.#at = to;
  }

  #join({ exports }: Workplace, theirs: number): void {
    for (let done = 0, naps = 0; ; ) {
      const now = exports.join(theirs, NAP_MS);
      if (now === theirs) return;
      naps = now === done ? naps + 1 : 0;
      done = now;
      if (now < 0) throw this.lose(gone("its kernels have failed"));
      if (this.#helpers?.running() === false) throw this.lose(gone("it has ended within an operation"));
      if (naps > this.#naps) throw this.lose(gone(`nothing was done for ${(this.#naps * NAP_MS) / 1000} s`));
    }
  }

  /** What each helper needs to know. */
  setups(): HelperSetup[] {
    const { module } = this.#places[0];
    return Array.from({ length: this.threads - 1 }, (_, i) => ({
      kind: "help",
      module,
      places: this.#places.map(({ arena, helperScratch }) => {
        if (!arena.memory) throw new WorkerError({ what: `${arena.name} cannot be shared` }, "worker_start");
        return { memory: arena.memory, scratch: helperScratch[i] };
      }),
    }));
  }

  /** Those who help from now on. */
  takeOn(helpers: HelperThreads): void {
    this.#helpers = helpers;
  }

  /** When all helpers are at work. @throws WorkerError (code "worker_start") */
  ready(): Promise<void> {
    if (this.#lost) throw this.#lost;
    return this.#helpers?.ready ?? Promise.resolve();
  }

  /** A helper is gone: no job is done any more. @returns the error, of the first loss */
  lose(error: WorkerError): WorkerError {
    if (this.#lost) return this.#lost;
    this.#lost = error;
    this.end();
    this.#onLost(error);
    return error;
  }

  /** Sends the helpers away; without them jobs are the leader's alone. Not within a job, unless it is given up. */
  end(): void {
    this.#places[this.#at]?.exports.leave(-1);
    this.#helpers?.end();
    this.#helpers = undefined;
  }
}

const gone = (what: string): WorkerError =>
  new WorkerError({ what: `a helper thread is gone: ${what}` }, "worker_died");
