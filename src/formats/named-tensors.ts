import { type ErrorFacts, MemoryError, OptionError, PhiError, SourceError } from "../errors.ts";
import type { Tell } from "../faults.ts";
import type { Source, SourceFile } from "../source/source.ts";

/** Where a tensor lies. */
interface Place {
  readonly name: string;
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** One file of a checkpoint, opened. */
interface Shard<T> {
  readonly name: string;
  readonly file: SourceFile;
  readonly tensors: readonly T[];
}

/** The tensors of some files by their names, whatever the format. */
export interface NamedTensors<T> {
  /** In the order in which they lie in their files. */
  readonly tensors: ReadonlyMap<string, T>;
  find(name: string): T;
  readInto(name: string, offset: number, into: Uint8Array): Promise<Uint8Array>;
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @param missing makes the error for a name that no tensor has */
export function namedTensors<T extends Place>(
  shards: readonly Shard<T>[],
  missing: (facts: ErrorFacts) => Error,
): NamedTensors<T> {
  const files = new Map(shards.map((shard) => [shard.name, shard.file]));
  const tensors = new Map(shards.flatMap((shard) => shard.tensors.map((t) => [t.name, t])));

  const find = (name: string): T => {
    const info = tensors.get(name);
    if (info) return info;
    const near = [...tensors.keys()].filter((n) => n.endsWith(name) || `${name}`.endsWith(n)).slice(0, 3);
    const expected = near.length ? `perhaps ${near.join(", ")}` : `one of ${tensors.size} others`;
    throw missing({ what: "there is no tensor of that name", file: shards[0].name, tensor: `${name}`, expected });
  };
  const readInto = async (name: string, offset: number, into: Uint8Array): Promise<Uint8Array> => {
    const info = find(name);
    if (!(into instanceof Uint8Array))
      throw new OptionError({ what: "readInto: the place to read into", got: into, expected: "a Uint8Array" });
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + into.length > info.byteLength) {
      const what = `read past the end of tensor ${name.slice(0, 200)}`;
      const got = `bytes ${offset} to ${offset + into.length}`;
      throw new SourceError({ what, file: info.file, got, expected: `0 to ${info.byteLength}` });
    }
    return (files.get(info.file) as SourceFile).read(info.offset + offset, into.length, into);
  };
  return {
    tensors,
    find,
    readInto,
    async read(name) {
      const { byteLength } = find(name);
      return readInto(
        name,
        0,
        roomFor(name, () => new Uint8Array(byteLength)),
      );
    },
    close: () => closeAll(shards),
  };
}

/**
 * Opens several files of a checkpoint side by side: all of them, or none.
 * @param openShard reads and checks a file's header
 * @param tell of each file that could not be opened, where they are several
 * @throws the first reason, once what was opened is closed again
 */
export async function openAll<S extends { readonly file: SourceFile }>(
  source: Source,
  names: readonly string[],
  openShard: (file: SourceFile, name: string) => Promise<S>,
  tell: Tell,
): Promise<S[]> {
  const open = async (name: string): Promise<S> => {
    const file = await source.open(name);
    try {
      return await openShard(file, name);
    } catch (error) {
      await file.close?.();
      throw error;
    }
  };
  const results = await Promise.allSettled(names.map(open));
  const shards = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
  const reasons = results.flatMap((r) => (r.status === "rejected" ? [r.reason] : []));
  if (reasons.length === 0) return shards;
  await closeAll(shards);
  // One alone is thrown only: that a file is not there may be no fault to whoever asks.
  if (reasons.length > 1) for (const reason of reasons) if (reason instanceof PhiError) tell(reason);
  throw reasons[0];
}

export async function closeAll(shards: readonly ({ readonly file: SourceFile } | undefined)[]): Promise<void> {
  for (const shard of shards) await shard?.file.close?.();
}

/** What `make` gives. @throws MemoryError where the engine has no room for it */
export function roomFor<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MemoryError({ what: `the engine has no room for tensor ${name.slice(0, 200)} as a whole`, cause });
  }
}
