/**
 * `#worker-code`: a classic script with all that a worker needs, which defines `phiTsWorker.serve(port)`. Made by scripts/worker-code.mjs out of
 * serve.ts: in dist it is a module written by scripts/build-worker.mjs, from source it is bundled when it is asked for.
 */
export function workerCode(): string;

/** The same of what a helper needs, a few lines: made out of src/threads/helper.ts. */
export function helperCode(): string;
