import { DisposedError, WorkerError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import { newLock, whenGone } from "./life.ts";
import { Peer } from "./peer.ts";
import { onEvent, type WorkerLike } from "./port.ts";
import { type CallerCalls, type CallerNotes, PROTOCOL, type WorkerCalls, type WorkerNotes } from "./protocol.ts";
import { sourceHandlers } from "./remote-source.ts";
import { ErrorPost } from "./wire-error.ts";

/** The caller, talking to the worker. */
export type CallerPeer = Peer<WorkerCalls, WorkerNotes, CallerCalls, CallerNotes>;

/** How long a fresh worker may keep silent before it is given up. */
export const SILENCE_MS = 30_000;

/** The caller's end of a worker, from its first word to its death. However it ends, all calls that wait reject, and later ones too. */
export class Connection {
  readonly peer: CallerPeer;
  readonly #worker: WorkerLike & { ref?(): void; unref?(): void };
  /** Files that a worker has left open when it ends. */
  readonly #closeFiles: () => void;
  readonly #hello: Promise<void>;
  #started = false;
  #holds = 0;

  /**
   * @param source answers what the worker asks for
   * @param help what to do where the worker cannot be started
   */
  constructor(worker: WorkerLike, source: Source, help: string, silenceMs = SILENCE_MS) {
    this.#worker = worker;
    const { handlers, closeAll } = sourceHandlers(source);
    this.peer = new Peer(worker, new ErrorPost(true), handlers);
    this.#closeFiles = closeAll;
    const failed = (what: string, got: unknown) => {
      // A web worker's error would go on to the page's or the engine's own handlers.
      (got as Partial<Event> | null)?.preventDefault?.();
      const facts = { what, ...describe(got) };
      const start = { ...facts, what: `the worker could not be started: ${what}`, expected: help };
      this.#end(this.#started ? new WorkerError(facts, "worker_died") : new WorkerError(start, "worker_start"));
    };
    onEvent(worker, "error", (event) => failed("the worker has failed", event));
    onEvent(worker, "messageerror", (event) => failed("a message of the worker could not be read", event));
    onEvent(worker, "exit", (code) => failed("the worker has ended", `exit code ${code}`));
    const isWeb = !("on" in worker);
    if (isWeb) watchTerminate(worker, () => failed("the worker was terminated", undefined));
    const timer = setTimeout(() => failed(`no answer within ${silenceMs / 1000} s`, undefined), silenceMs);
    const lock = isWeb ? newLock() : undefined;
    const gone = () => failed("the worker has ended", undefined);
    this.#hello = this.#greet(lock, gone).finally(() => clearTimeout(timer));
    // Told to whoever asks something.
    this.#hello.catch(() => {});
  }

  /** When the worker is there and speaks our protocol. @throws WorkerError (code "worker_start"), DisposedError */
  hello(): Promise<void> {
    return this.#hello;
  }

  async #greet(lock: string | undefined, gone: () => void): Promise<void> {
    this.#worker.unref?.();
    const { protocol, holdsLock } = await this.held(this.peer.ask("hello", { lock }).answer);
    if (lock && holdsLock) whenGone(lock, gone);
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
    return this.#worker.terminate();
  }
}

/** What an error event, an Error or anything else tells. */
function describe(got: unknown): { got?: unknown; cause?: unknown } {
  if (got === undefined) return {};
  if (got instanceof Error) return { got: got.message, cause: got };
  if (typeof got !== "object" || got === null) return { got };
  const { message, error } = got as { message?: string; error?: unknown };
  return { ...(message && { got: message }), ...(error !== undefined && error !== null && { cause: error }) };
}

/** The web tells nobody that a worker was terminated, Node does. Most pages have locks to notice it by, but not all (see life.ts). */
function watchTerminate(worker: WorkerLike, terminated: () => void): void {
  const { terminate } = worker;
  let over = false;
  worker.terminate = () => {
    const result = terminate.call(worker);
    if (!over) {
      over = true;
      terminated();
    }
    return result;
  };
}
