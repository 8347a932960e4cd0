import { SourceError, WorkerError } from "../errors.ts";
import type { PortLike, WorkerLike } from "../port/port.ts";
import type { Sink } from "../source/sink.ts";
import type { Opened } from "../source/source.ts";

const noPaths = (path: string, instead: string): SourceError =>
  new SourceError(
    { what: "paths need Node, Bun or Deno; here is no file system", file: path, expected: instead },
    "no_paths",
  );

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function openPath(path: string | URL): Promise<Opened> {
  throw noPaths(
    String(path),
    "a URL (new URL(path, location.href)), Files, or a Source such as bytesSource({ name: bytes, … })",
  );
}

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function createFolder(path: string): Promise<Sink> {
  throw noPaths(path, "a Sink, for instance bytesSink(files)");
}

/** The engine's own fetch, looked up when it is called. */
export const fetchUrl = (url: string, init: RequestInit): Promise<Response> => fetch(url, init);

/** CPU time of this process in milliseconds; browsers do not tell. */
export function cpuTimeMs(): number | undefined {
  return undefined;
}

/** A worker that runs `code`, a script which defines `phiTsWorker`. @throws WorkerError (code "no_worker") where there are none */
export function startWorker(code: string): WorkerLike {
  if (typeof Worker === "undefined") {
    throw new WorkerError(
      { what: "this engine has no workers", expected: 'loadPhi without option "worker"' },
      "no_worker",
    );
  }
  const script = new Blob([code, "\nphiTsWorker.serve(self);"], { type: "text/javascript" });
  const url = URL.createObjectURL(script);
  const revoke = () => URL.revokeObjectURL(url);
  try {
    const worker = new Worker(url, { name: "phi-ts" });
    // Not at once: an engine may fetch the script later.
    worker.addEventListener("message", revoke, { once: true });
    worker.addEventListener("error", revoke, { once: true });
    return worker;
  } catch (error) {
    revoke();
    throw error;
  }
}

/** Whether this page may share memory with its workers; engines without pages always may. */
export const isIsolated = (): boolean =>
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;

/** Whether workers can be started from here. */
export const hasWorkers = (): boolean => typeof Worker !== "undefined";

/** Threads that the machine runs at a time, as far as the engine tells. */
export const cores = (): number => (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;

/** Whether a worker is still there; the web does not tell before it tells everybody. */
export const isRunning = (_: WorkerLike): boolean => true;

/** In a worker: the way to its owner. @throws WorkerError elsewhere */
export function ownPort(): PortLike {
  const scope = globalThis as { document?: unknown } & Partial<PortLike>;
  if (scope.document === undefined && scope.postMessage) return scope as PortLike;
  throw new WorkerError({ what: "phi-ts/worker was not imported in a worker" }, "no_worker");
}

/** The Web Locks of this origin, where the engine has them. */
export const locks = (): LockManager | undefined => (globalThis as { navigator?: Navigator }).navigator?.locks;
