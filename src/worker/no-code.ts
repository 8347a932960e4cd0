import { WorkerError } from "../errors.ts";

/**
 * `#worker-code` for bundles that are made with the condition "phi-ts-worker-file": they give loadPhi a worker's file, so that they need not
 * carry the script of a worker as text.
 * @throws WorkerError (code "no_worker"), always
 */
export function workerCode(): string {
  throw new WorkerError(
    {
      what: 'this bundle was made without the text of a worker (condition "phi-ts-worker-file")',
      expected: '{ worker: () => new Worker(…) } with a file that imports "phi-ts/worker"',
    },
    "no_worker",
  );
}

/** The helper's code is a few lines; but it belongs to the same script. @throws WorkerError (code "no_worker") always */
export const helperCode = workerCode;
