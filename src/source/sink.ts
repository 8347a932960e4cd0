import { checkName } from "./range.ts";

/** Where bytes go: a flat folder of files that are written front to back, one after the other. */
export interface Sink {
  /** A new file; one of that name that exists is replaced. */
  create(name: string): Promise<SinkFile>;
}

/** One file of a {@link Sink}. */
export interface SinkFile {
  /** Appends `bytes`, which may be reused when the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the file. */
  close(): Promise<void>;
}

/** A sink into memory: each file is put into `files` when it is closed. */
export function bytesSink(files: Map<string, Uint8Array>): Sink {
  return {
    async create(name) {
      checkName(name, "bytesSink");
      const parts: Uint8Array[] = [];
      return {
        async write(bytes) {
          parts.push(bytes.slice());
        },
        async close() {
          const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
          let at = 0;
          for (const part of parts) {
            whole.set(part, at);
            at += part.length;
          }
          files.set(name, whole);
        },
      };
    },
  };
}
