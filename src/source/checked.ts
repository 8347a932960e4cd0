import { SourceError } from "../errors.ts";
import { isSourceFile } from "./bytes.ts";
import { Queue } from "./queue.ts";
import type { Source, SourceFile } from "./source.ts";

/**
 * A Source that somebody else wrote, held to its contract: the readers behind it need not ask whether a list is one, a size is a
 * number, or a read gave all bytes and put them where they belong. What the source throws itself passes as it is.
 */
export function checkedSource(source: Source): Source {
  return {
    ...(source.list && { list: () => checkedList(source) }),
    async open(name, options) {
      return checkedFile(await source.open(name, options), name);
    },
  };
}

/** A caller's own Source: {@link checkedSource}, each of whose files is read one piece after the other. */
export function callersSource(source: Source): Source {
  const checked = checkedSource(source);
  return {
    ...checked,
    async open(name, options) {
      return inTurn(await checked.open(name, options), name);
    },
  };
}

/** The same file, of which a read begins when the one before it has ended, and none after its close. */
function inTurn(file: SourceFile, name: string): SourceFile {
  const queue = new Queue();
  let closed = false;
  return {
    size: file.size,
    read: (offset, length, into) =>
      queue.run(async () => {
        if (closed) throw new SourceError({ what: "the file was closed", file: name }, "closed");
        return file.read(offset, length, into);
      }),
    async close() {
      closed = true;
      await file.close?.();
    },
  };
}

async function checkedList(source: Source): Promise<string[]> {
  const names: unknown = await source.list?.();
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  throw broken("list()", undefined, names, "an array of file names");
}

/** The same for one file. */
export function checkedFile(file: SourceFile, name: string): SourceFile {
  if (!isSourceFile(file)) throw broken("open()", name, file, "{ size, read(offset, length, into) }");
  const { size } = file;
  if (!(Number.isSafeInteger(size) && size >= 0)) throw broken("size", name, size, "a number of bytes");
  return {
    size,
    async read(offset, length, into) {
      const bytes: unknown = await file.read(offset, length, into);
      if (!(bytes instanceof Uint8Array && bytes.length === length)) {
        const got = bytes instanceof Uint8Array ? `${bytes.length} bytes` : bytes;
        throw broken(`read(${offset}, ${length})`, name, got, `a Uint8Array of ${length} bytes`);
      }
      if (!into) return bytes;
      const target = into.subarray(0, length);
      const inPlace = bytes.buffer === into.buffer && bytes.byteOffset === into.byteOffset;
      if (!inPlace) target.set(bytes);
      return target;
    },
    async close() {
      await file.close?.();
    },
  };
}

function broken(what: string, file: string | undefined, got: unknown, expected: string): SourceError {
  return new SourceError({ what: `the source does not keep its contract: ${what}`, file, got, expected }, "bad_source");
}
