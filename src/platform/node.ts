import { type FileHandle, mkdir, open, readdir, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parentPort, Worker } from "node:worker_threads";
import { SourceError } from "../errors.ts";
import type { PortLike, WorkerLike } from "../port/port.ts";
import { checkName, checkRange, notFound } from "../source/range.ts";
import type { Sink } from "../source/sink.ts";
import type { ListedSource, Opened, SourceFile } from "../source/source.ts";
import { ownPort as webPort } from "./web.ts";

/** One call of read() takes at most this much: Node's own limit is 2 GiB - 1. */
const MAX_READ = 2 ** 30;

/**
 * A folder gives a Source of the files in it; a file gives the Source of its folder and its own name.
 * @param from a path, or a file: URL
 * @throws SourceError (code "not_found") if nothing is there
 */
export async function openPath(from: string | URL): Promise<Opened<ListedSource>> {
  const path = pathOf(from);
  const found = await stat(path).catch((cause) => {
    throw pathError(path, cause);
  });
  if (found.isDirectory()) return { source: folderSource(path) };
  return { source: folderSource(dirname(path)), file: basename(path) };
}

function pathOf(from: string | URL): string {
  if (typeof from === "string" && !/^file:\/\//i.test(from)) return from;
  try {
    return fileURLToPath(from);
  } catch (cause) {
    throw new SourceError({ what: "this URL is no path", file: String(from), cause, expected: "file:///…" });
  }
}

/** The files of a folder on disk; names that lead out of it are refused. */
function folderSource(folder: string): ListedSource {
  const list = async () => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause) => {
      throw pathError(folder, cause);
    });
    return entries.filter((e) => !e.isDirectory()).map((e) => e.name);
  };
  return {
    list,
    async open(name) {
      checkName(name);
      const path = join(folder, name);
      const failed = async (cause: unknown): Promise<never> => {
        if (codeOf(cause) !== "ENOENT") throw pathError(path, cause);
        throw notFound(path, await list().catch(() => []));
      };
      // Looked at before it is opened: opening a named pipe waits for its writer, perhaps for ever.
      const info = await stat(path).catch(failed);
      if (!info.isFile()) throw new SourceError({ what: "not a file", file: path });
      return diskFile(path, await open(path, "r").catch(failed), info.size);
    },
  };
}

function diskFile(path: string, handle: FileHandle, size: number): SourceFile {
  let closed = false;
  return {
    size,
    async read(offset, length, into) {
      if (closed) throw new SourceError({ what: "the file was closed", file: path });
      const target = checkRange(path, size, offset, length, into);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle
          .read(target, done, Math.min(length - done, MAX_READ), offset + done)
          .catch((cause) => {
            throw new SourceError({ what: "reading failed", file: path, cause, got: codeOf(cause) ?? String(cause) });
          });
        if (bytesRead === 0) {
          throw new SourceError({
            what: "the file has become shorter since it was opened",
            file: path,
            got: `${offset + done} bytes`,
            expected: size,
          });
        }
        done += bytesRead;
      }
      return target;
    },
    async close() {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

/** A folder on disk to write files into; it is made if it is not there. @throws SourceError if that fails */
export async function createFolder(path: string): Promise<Sink> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    throw pathError(path, cause);
  });
  return {
    async create(name) {
      checkName(name);
      const file = join(path, name);
      const handle = await open(file, "w").catch((cause) => {
        throw pathError(file, cause);
      });
      return {
        async write(bytes) {
          for (let done = 0; done < bytes.length; ) {
            const length = Math.min(bytes.length - done, MAX_READ);
            const { bytesWritten } = await handle.write(bytes, done, length).catch((cause) => {
              throw new SourceError({ what: "writing failed", file, cause, got: codeOf(cause) ?? String(cause) });
            });
            done += bytesWritten;
          }
        },
        close: () => handle.close(),
      };
    },
  };
}

const codeOf = (cause: unknown): string | undefined => (cause as { code?: string } | undefined)?.code;

function pathError(path: string, cause: unknown): SourceError {
  const code = codeOf(cause);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new SourceError({ what: "there is no such file or folder", file: path, cause }, "not_found");
  }
  const what = code === "EACCES" || code === "EPERM" ? "this may not be opened (permissions)" : "this cannot be opened";
  return new SourceError({ what, file: path, got: code ?? String(cause), cause });
}

/** The engine's own fetch, looked up when it is called. */
export const fetchUrl = (url: string, init: RequestInit): Promise<Response> => fetch(url, init);

/** CPU time of this process so far, user and system, all threads, in milliseconds. */
export function cpuTimeMs(): number | undefined {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A worker that runs `code`, a script which defines `phiTsWorker`. */
export function startWorker(code: string): WorkerLike {
  const script = `${code}\nphiTsWorker.serve(require("node:worker_threads").parentPort);`;
  // Without the flags of the process: loaders of TypeScript and the like have nothing to do there and take their time.
  return new Worker(script, { eval: true, execArgv: [], name: "phi-ts" });
}

/** Whether workers can be started from here. */
export const hasWorkers = (): boolean => true;

/** Threads that the machine runs at a time, as far as this process may use it. */
export const cores = (): number => availableParallelism();

/**
 * Whether a worker that was there is still there, without waiting for its `exit`. Node tells by the clock of its event loop; where that cannot be
 * asked (Bun, Deno), the answer is yes.
 */
export function isRunning(worker: WorkerLike): boolean {
  const { bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined) return true;
  const clock = (worker as Partial<Worker>).performance?.eventLoopUtilization();
  return clock === undefined || (clock.idle >= 0 && clock.idle + clock.active > 0);
}

/** In a worker, of worker_threads or of the web (Deno and Bun have both): the way to its owner. @throws WorkerError elsewhere */
export function ownPort(): PortLike {
  return parentPort ?? webPort();
}

export { isIsolated, locks } from "./web.ts";
