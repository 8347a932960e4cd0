import { DisposedError, WorkerError } from "../errors.ts";
import type { WorkerLike } from "../port/port.ts";
import { type Ending, watchWorker } from "../port/watch.ts";
import type { Source } from "../source/source.ts";
import { type HelperSetup, type HelperThreads, helpersBy } from "../threads/index.ts";
import { type Handlers, Peer } from "./peer.ts";
import { type CallerCalls, type CallerNotes, PROTOCOL, type WorkerCalls, type WorkerNotes } from "./protocol.ts";
import { sourceHandlers } from "./remote-source.ts";
import { ErrorPost } from "./wire-error.ts";

/** The caller, talking to the worker. */
export type CallerPeer = Peer<WorkerCalls, WorkerNotes, CallerCalls, CallerNotes>;

/** Makes a worker: our own, or a user's. */
export type StartWorker = () => WorkerLike;

const noHelpers: StartWorker = () => {
  throw new WorkerError({ what: "nobody starts helper threads here" }, "no_worker");
};

/** How long a fresh worker may keep silent before it is given up. */
export const SILENCE_MS = 30_000;

/** The caller's end of a worker, from its first word to its death. However it ends, all calls that wait reject, and later ones too. */
export class Connection {
  readonly peer: CallerPeer;
  readonly #worker: WorkerLike & { ref?(): void; unref?(): void };
  /** Files that a worker has left open when it ends. */
  readonly #closeFiles: () => void;
  readonly #hello: Promise<void>;
  #helpers: HelperThreads | undefined;
  #started = false;
  #holds = 0;

  /**
   * @param source answers what the worker asks for
   * @param help what to do where the worker cannot be started
   * @param startHelper makes the thread of a helper
   */
  constructor(
    worker: WorkerLike,
    source: Source,
    help: string,
    silenceMs = SILENCE_MS,
    startHelper: StartWorker = noHelpers,
  ) {
    this.#worker = worker;
    const { handlers, closeAll } = sourceHandlers(source);
    const helpers = async (setups: readonly HelperSetup[]): Promise<undefined> => {
      this.#helpers = helpersBy(startHelper)(setups, (error) => void this.#end(error));
      await this.#helpers.ready;
      return undefined;
    };
    const all: Handlers<CallerCalls, CallerNotes> = { ...handlers, helpers, dismiss: () => this.#helpers?.end() };
    this.peer = new Peer(worker, new ErrorPost(true), all);
    this.#closeFiles = closeAll;
    const failed = (ending: Ending) => {
      const start = { ...ending, what: `the worker could not be started: ${ending.what}`, expected: help };
      this.#end(this.#started ? new WorkerError(ending, "worker_died") : new WorkerError(start, "worker_start"));
    };
    const { lock, held } = watchWorker(worker, failed);
    const timer = setTimeout(() => failed({ what: `no answer within ${silenceMs / 1000} s` }), silenceMs);
    this.#hello = this.#greet(lock, held).finally(() => clearTimeout(timer));
    // Told to whoever asks something.
    this.#hello.catch(() => {});
  }

  /** When the worker is there and speaks our protocol. @throws WorkerError (code "worker_start"), DisposedError */
  hello(): Promise<void> {
    return this.#hello;
  }

  async #greet(lock: string | undefined, held: () => void): Promise<void> {
    this.#worker.unref?.();
    const { protocol, holdsLock } = await this.held(this.peer.ask("hello", { lock }).answer);
    if (holdsLock) held();
    if (protocol !== PROTOCOL) {
      const facts = {
        what: "the worker is of another version of phi-ts",
        got: `protocol ${protocol}`,
        expected: `protocol ${PROTOCOL}: bundle the worker's file anew`,
      };
      this.#end(new WorkerError(facts, "worker_start"));
      this.peer.check();
    }
    this.#started = true;
  }

  /** Keeps the process alive until `work` is done. A worker with nothing to do does not: who forgets dispose() may still exit. */
  async held<T>(work: Promise<T>): Promise<T> {
    if (this.#holds++ === 0) this.#worker.ref?.();
    try {
      return await work;
    } finally {
      if (--this.#holds === 0) this.#worker.unref?.();
    }
  }

  /** Ends the worker and gives its memory back. */
  async dispose(): Promise<void> {
    await this.#end(new DisposedError("the model"));
  }

  #end(error: Error): unknown {
    this.peer.end(error);
    this.#closeFiles();
    const ended = this.#worker.terminate();
    this.#helpers?.end();
    return ended;
  }
}
