/**
 * `#worker-code`: a classic script with all that a worker needs, which defines `phiTsWorker.serve(port)`. Made by scripts/worker-code.mjs out of
 * serve.ts: in dist it is a module written by scripts/build-worker.mjs, from source it is bundled when it is asked for.
 */
export function workerCode(): string;
