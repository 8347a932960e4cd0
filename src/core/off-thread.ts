/**
 * `phi-ts/core/off-thread`: a model in a worker, for `loadPhi(…, { worker: offThread(() => new Worker(…)) })` of `phi-ts/core`.
 * @module
 */
import { connect, loadingInWorker, type WorkerLike } from "../worker/index.ts";
import type { Elsewhere } from "./parts.ts";

/**
 * In the worker that `start` makes, whose file calls `serve` of `phi-ts/core/worker`; it is called once more for each helper thread.
 * @throws WorkerError (from `loadPhi`) where it cannot be started
 */
export const offThread = (start: () => WorkerLike): Elsewhere => ({
  load: (folder, signal) => loadingInWorker(connect(start, start, false, folder), folder, signal),
});
