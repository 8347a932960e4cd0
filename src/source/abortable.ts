import type { Source, SourceFile } from "./source.ts";

/**
 * A Source whose every answer is waited for only until `signal` is aborted: a network that has stalled would hold its reader for ever.
 * The source is told of the signal, too; if it does not listen, what was asked for goes on unseen, and a file that opens too late is closed.
 */
export function abortableSource(source: Source, signal: AbortSignal | undefined): Source {
  if (!signal) return source;
  return {
    ...(source.list && { list: () => orAbort(source.list?.() ?? Promise.resolve([]), signal) }),
    async open(name, options) {
      const opening = source.open(name, { ...options, signal });
      return abortableFile(await orAbort(opening, signal, (file) => file.close?.()), signal);
    },
  };
}

function abortableFile(file: SourceFile, signal: AbortSignal): SourceFile {
  return {
    size: file.size,
    read: (offset, length, into) => orAbort(file.read(offset, length, into), signal),
    close: async () => file.close?.(),
  };
}

/**
 * Waits for `work` until `signal` is aborted.
 * @param late takes what comes after the abort
 * @throws the signal's reason
 */
export function orAbort<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late?: (value: T) => unknown,
): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      work.then(late, () => {});
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
