/**
 * `phi-ts/core/worker`: what the file of a worker imports for `loadPhi(…, { worker: offThread(() => new Worker(file)) })` of `phi-ts/core`.
 * @module
 */
import { ownPort } from "#platform";
import type { EngineParts } from "../load/engine-parts.ts";
import { serve as serveAsHelper } from "../threads/helper.ts";
import { serve as serveModel } from "../worker/serve.ts";

export type { EngineParts } from "../load/engine-parts.ts";

/**
 * Runs a model, or helps to, in the worker whose file calls this.
 * @param parts what the worker can read beside the core; `formats` the same as those that loadPhi is given
 * @throws WorkerError (code "no_worker") elsewhere than in a worker
 */
export function serve(parts: EngineParts = {}): void {
  const port = ownPort();
  // The owner's first message says which it is to be.
  serveModel(port, parts);
  serveAsHelper(port);
}
