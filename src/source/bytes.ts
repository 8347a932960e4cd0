import { OptionError } from "../errors.ts";
import { checkName, checkRange, notFound } from "./range.ts";
import type { ListedSource, Source, SourceFile } from "./source.ts";

/** Bytes in memory; they are not copied. */
export type Bytes = Uint8Array | ArrayBuffer;

/**
 * A file that lies in memory.
 * @param name for error messages
 * @throws OptionError if `bytes` are no bytes
 */
export function bytesFile(bytes: Bytes, name = "bytes"): SourceFile {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (!(view instanceof Uint8Array)) {
    throw new OptionError({
      what: `bytesFile: ${name}`,
      got: typeof bytes,
      expected: "a Uint8Array or an ArrayBuffer",
    });
  }
  return {
    size: view.length,
    async read(offset, length, into) {
      const target = checkRange(name, view.length, offset, length, into);
      target.set(view.subarray(offset, offset + length));
      return target;
    },
  };
}

/**
 * A folder of files that lie in memory, by name: for tests, for bundled models, and where there is no file system.
 * @throws SourceError if a name is not a plain file name
 * @example const source = bytesSource({ "config.json": configBytes, "model.safetensors": modelBytes });
 */
export function bytesSource(files: Record<string, Bytes> | ReadonlyMap<string, Bytes>): ListedSource {
  const table = new Map(files instanceof Map ? files : Object.entries(files));
  const opened = new Map<string, SourceFile>();
  for (const [name, bytes] of table) {
    checkName(name, "bytesSource");
    opened.set(name, bytesFile(bytes, name));
  }
  return {
    async list() {
      return [...opened.keys()];
    },
    async open(name) {
      checkName(name);
      const file = opened.get(name);
      if (file) return file;
      throw notFound(name, [...opened.keys()]);
    },
  };
}

/** True for what has the methods of a {@link Source}. */
export function isSource(x: unknown): x is Source {
  const s = x as Partial<Source> | null;
  return (
    typeof s === "object" &&
    s !== null &&
    typeof s.open === "function" &&
    ["function", "undefined"].includes(typeof s.list)
  );
}

/** True for what has the members of a {@link SourceFile}. */
export function isSourceFile(x: unknown): x is SourceFile {
  const f = x as Partial<SourceFile> | null;
  return typeof f === "object" && f !== null && typeof f.read === "function" && typeof f.size === "number";
}
