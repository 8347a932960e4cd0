import { newLock, whenGone } from "./life.ts";
import { onEvent, type WorkerLike } from "./port.ts";

/** What is known of a worker's end: what happened, and what the engine said of it. */
export interface Ending {
  what: string;
  got?: unknown;
  cause?: unknown;
}

/**
 * Watches a worker, ours to start and to end: `ended` is called when it fails, ends or is terminated, by whichever means the engine tells of it.
 * @returns the name of a lock that the worker is to hold, where that is how one learns of its end; and what is to be called once it does
 */
export function watchWorker(
  worker: WorkerLike,
  ended: (ending: Ending) => void,
): { lock: string | undefined; held(): void } {
  const failed = (what: string, got: unknown) => {
    // A web worker's error would go on to the page's or the engine's own handlers.
    (got as Partial<Event> | null)?.preventDefault?.();
    ended({ what, ...describe(got) });
  };
  onEvent(worker, "error", (event) => failed("the worker has failed", event));
  onEvent(worker, "messageerror", (event) => failed("a message of the worker could not be read", event));
  onEvent(worker, "exit", (code) => failed("the worker has ended", `exit code ${code}`));
  const isWeb = !("on" in worker);
  if (isWeb) watchTerminate(worker, () => failed("the worker was terminated", undefined));
  const lock = isWeb ? newLock() : undefined;
  const held = () => lock && whenGone(lock, () => failed("the worker has ended", undefined));
  return { lock, held };
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
