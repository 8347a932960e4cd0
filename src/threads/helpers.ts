import { isRunning } from "#platform";
import { WorkerError } from "../errors.ts";
import { onMessage, type WorkerLike } from "../port/port.ts";
import { type Ending, watchWorker } from "../port/watch.ts";
import type { HelperSetup, HelperWord } from "./helper.ts";

/** How long fresh helpers may keep silent before they are given up. */
const SILENCE_MS = 30_000;

/** Helpers, as a leader has them: their threads may be this thread's to look after, or another's. */
export interface HelperThreads {
  /** When all are at work. @throws WorkerError (code "worker_start") */
  readonly ready: Promise<void>;
  /** Whether all are still there, as far as one can tell without waiting for news. */
  running(): boolean;
  /** Ends them. The leader must not be within a job. */
  end(): void;
}

/** Starts helpers; `lost` is called once, if one of them ends or fails after all were ready. */
export type StartHelpers = (setups: readonly HelperSetup[], lost: (error: WorkerError) => void) => HelperThreads;

/** Threads that this one starts, each as `start` does it. */
export const helpersBy =
  (start: () => WorkerLike): StartHelpers =>
  (setups, lost) =>
    new Helpers(start, setups, lost);

type Thread = WorkerLike & { ref?(): void; unref?(): void };

class Helpers implements HelperThreads {
  readonly ready: Promise<void>;
  readonly #threads: Thread[] = [];
  readonly #lost: (error: WorkerError) => void;
  #state: "starting" | "ready" | "failed" | "over" = "starting";
  #giveUp: (error: WorkerError) => void = () => {};

  constructor(start: () => WorkerLike, setups: readonly HelperSetup[], lost: (error: WorkerError) => void) {
    this.#lost = lost;
    const timer = setTimeout(() => this.#fail({ what: `no answer within ${SILENCE_MS / 1000} s` }), SILENCE_MS);
    const given = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    const all = Promise.all(setups.map((setup) => this.#startOne(start, setup)));
    this.ready = Promise.race([given, all.then(() => this.#begin())]).finally(() => clearTimeout(timer));
    // Told to whoever waits for it.
    this.ready.catch(() => {});
  }

  /** Resolves when it is at work. */
  #startOne(start: () => WorkerLike, setup: HelperSetup): Promise<void> {
    return new Promise((resolve) => {
      try {
        const thread: Thread = start();
        this.#threads.push(thread);
        const { lock, held } = watchWorker(thread, (ending) => this.#fail(ending));
        onMessage(thread, (word) => {
          const said = word as HelperWord;
          if (said.kind === "failed") return this.#fail({ what: "the worker has failed", got: said.message });
          if (said.holdsLock) held();
          resolve();
        });
        thread.postMessage({ ...setup, lock }, []);
      } catch (cause) {
        this.#fail({ what: "it could not be made", got: cause instanceof Error ? cause.message : cause, cause });
      }
    });
  }

  #begin(): void {
    if (this.#state !== "starting") return;
    this.#state = "ready";
    // With nothing to do they keep no process alive.
    for (const thread of this.#threads) thread.unref?.();
  }

  #fail(ending: Ending): void {
    if (this.#state === "ready") {
      this.end();
      this.#lost(new WorkerError({ ...ending, what: `a helper thread is gone: ${ending.what}` }, "worker_died"));
    } else if (this.#state === "starting") {
      // Others may be at work: who waits for all ends them.
      this.#state = "failed";
      const expected = "threads: 1, or workers that can be started";
      const what = `a helper thread could not be started: ${ending.what}`;
      this.#giveUp(new WorkerError({ ...ending, what, expected }, "worker_start"));
    }
  }

  running(): boolean {
    return this.#state === "ready" ? this.#threads.every(isRunning) : this.#state !== "over";
  }

  end(): void {
    this.#state = "over";
    this.#giveUp(new WorkerError({ what: "the helper threads were ended before all had come" }, "worker_start"));
    for (const thread of this.#threads) void thread.terminate();
  }
}
