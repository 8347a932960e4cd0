import type { Source, SourceFile } from "./source.ts";

/**
 * A Source whose every answer is waited for only until `signal` is aborted: a network that has stalled would hold its reader for ever.
 * What was asked for goes on unseen; a file that opens too late is closed.
 */
export function abortableSource(source: Source, signal: AbortSignal | undefined): Source {
  if (!signal) return source;
  return {
    list: () => orAbort(source.list(), signal),
    async open(name) {
      const opening = source.open(name);
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

/** @param late takes what comes after the abort */
function orAbort<T>(work: Promise<T>, signal: AbortSignal, late?: (value: T) => unknown): Promise<T> {
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
