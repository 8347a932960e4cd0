import { OptionError, WorkerError } from "../errors.ts";
import type { WorkerLike } from "../port/port.ts";
import type { Source } from "../source/source.ts";
import { Connection, SILENCE_MS, type StartWorker } from "./connection.ts";

const FILE = '{ worker: () => new Worker(…) } with a file that imports "phi-ts/worker"';
const HELP = {
  own: `an engine that lets a worker be made out of code (a Content-Security-Policy may forbid it), ${FILE}, or no worker`,
  given: 'a worker whose file imports "phi-ts/worker"',
};

/**
 * Starts the worker, which then loads itself while we do other things; {@link Connection.hello} tells when it is there.
 * @param startHelper makes the threads of helpers
 * @param own whether the worker is ours, made out of code
 * @throws WorkerError (codes "no_worker", "worker_start"), OptionError for what is no Worker
 */
export function connect(start: StartWorker, startHelper: StartWorker, own: boolean, source: Source): Connection {
  const help = own ? HELP.own : HELP.given;
  let worker: WorkerLike;
  try {
    worker = start();
  } catch (cause) {
    if (cause instanceof WorkerError) throw cause;
    const got = cause instanceof Error ? cause.message : cause;
    throw new WorkerError({ what: "the worker could not be started", got, expected: help, cause }, "worker_start");
  }
  if (!isWorker(worker)) {
    const facts = {
      what: 'loadPhi: what option "worker" gave',
      got: worker,
      expected: "a Worker, not a promise of one",
    };
    throw new OptionError(facts);
  }
  return new Connection(worker, source, help, SILENCE_MS, startHelper);
}

function isWorker(x: unknown): x is WorkerLike {
  const worker = x as Record<string, unknown> | null;
  if (typeof worker !== "object" || worker === null) return false;
  const listens = typeof worker.on === "function" || typeof worker.addEventListener === "function";
  return typeof worker.postMessage === "function" && typeof worker.terminate === "function" && listens;
}
