import { OptionError, SourceError } from "../errors.ts";
import { filesOf, type Tree } from "./folder.ts";
import { checkName, checkRange, notFound } from "./range.ts";
import type { ListedSource, SourceFile } from "./source.ts";

/**
 * A folder of the browser's file system (`showDirectoryPicker`, `navigator.storage.getDirectory`), as far as it is used here; TypeScript's
 * own FileSystemDirectoryHandle fits.
 */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
}

/**
 * Files as a page gets them: one Blob or File; a list of Files (an array, a FileList; those of an `<input webkitdirectory>` know their
 * folders by `webkitRelativePath`); Blobs by name or path; the handle of a folder.
 */
export type BlobInput =
  | Blob
  | Iterable<Blob>
  | ArrayLike<Blob>
  | Readonly<Record<string, Blob>>
  | ReadonlyMap<string, Blob>
  | DirectoryHandle;

/** Bytes of a Blob that are asked for at a time: they come in memory of their own. */
const PIECE = 2 ** 24;

/**
 * The files of a checkpoint that a page was given. Where there are folders in folders, it is the uppermost that has a config.json (or has
 * files at all, if none has); the names are those in it. Nothing is read before it is asked for.
 *
 * The source throws SourceError (code "several") from its first use on if two folders stand equally high, or two files have one name.
 * @throws OptionError if `input` is none of these things
 * @example
 * input.onchange = () => loadPhi(blobSource(input.files)); // <input type="file" webkitdirectory>
 */
export function blobSource(input: BlobInput): ListedSource {
  const tree = treeOf(input);
  if (tree) return treeSource(tree);
  throw new OptionError({
    what: "blobSource: cannot read from this",
    got: input,
    expected: "a Blob, Files, a FileList, Blobs by name, or the handle of a folder",
  });
}

/** True for what {@link blobSource} takes. */
export const isBlobInput = (input: unknown): input is BlobInput => treeOf(input) !== undefined;

/** True for Blobs and Files, also those of another realm. */
export function isBlob(x: unknown): x is Blob {
  const b = x as Partial<Blob> | null;
  if (typeof b !== "object" || b === null) return false;
  return typeof b.size === "number" && typeof b.slice === "function" && typeof b.arrayBuffer === "function";
}

/** The name of a File; Blobs have none. */
export const nameOfBlob = (blob: Blob): string => (blob as Partial<File>).name || "blob";

function treeOf(input: unknown): Tree | undefined {
  if (typeof input !== "object" || input === null || ArrayBuffer.isView(input)) return undefined;
  if (isBlob(input)) return pathsTree([[nameOfBlob(input), input]]);
  if ((input as Partial<DirectoryHandle>).kind === "directory") return handleTree(input as DirectoryHandle);
  if (input instanceof Map) return blobTree([...input]);
  const list = Symbol.iterator in input || typeof (input as ArrayLike<unknown>).length === "number";
  if (!list) return blobTree(Object.entries(input));
  return blobTree(Array.from(input as ArrayLike<unknown>, (file) => [pathOf(file), file]));
}

const pathOf = (file: unknown): string =>
  (file as Partial<File> | null)?.webkitRelativePath || (file as Partial<File> | null)?.name || "blob";

function blobTree(entries: readonly [unknown, unknown][]): Tree | undefined {
  const good = entries.every(([path, blob]) => typeof path === "string" && isBlob(blob));
  return good && entries.length ? pathsTree(entries as [string, Blob][]) : undefined;
}

/** Blobs by path ("phi-tiny/config.json") as a tree. */
function pathsTree(entries: readonly [path: string, blob: Blob][]): Tree {
  const folders = new Map<string, [string, Blob][]>();
  const files: [string, () => Promise<Blob>][] = [];
  for (const [path, blob] of entries) {
    const [first, ...rest] = path.split("/");
    if (rest.length === 0) files.push([first, async () => blob]);
    else folders.set(first, [...(folders.get(first) ?? []), [rest.join("/"), blob]]);
  }
  const children = [...folders].map(([name, below]): [string, Tree] => [name, pathsTree(below)]);
  return async () => ({ files, folders: children });
}

/** The methods of the handles of folders and files. Source: File System standard (WHATWG). */
interface Handle {
  readonly kind: string;
  readonly name: string;
  values(): AsyncIterable<Handle>;
  getFile(): Promise<Blob>;
}

/** A folder by its handle. */
export function handleTree(handle: DirectoryHandle): Tree {
  return async () => {
    const files: [string, () => Promise<Blob>][] = [];
    const folders: [string, Tree][] = [];
    for await (const entry of (handle as Handle).values()) {
      if (entry.kind === "directory") folders.push([entry.name, handleTree(entry as Handle & DirectoryHandle)]);
      else files.push([entry.name, () => entry.getFile()]);
    }
    return { files, folders };
  };
}

/** The checkpoint's folder in a tree; it is looked for at the first use. */
export function treeSource(tree: Tree): ListedSource {
  let found: Promise<ReadonlyMap<string, () => Promise<Blob>>> | undefined;
  const files = () => {
    found ??= filesOf(tree);
    return found;
  };
  return {
    async list() {
      return [...(await files()).keys()];
    },
    async open(name) {
      checkName(name);
      const all = await files();
      const blob = await all
        .get(name)?.()
        .catch((cause) => unreadable(name, cause));
      if (blob) return blobFile(blob, name);
      throw notFound(name, [...all.keys()]);
    },
  };
}

/** A file whose bytes are a Blob's. */
function blobFile(blob: Blob, name = nameOfBlob(blob)): SourceFile {
  const { size } = blob;
  return {
    size,
    async read(offset, length, into) {
      const target = checkRange(name, size, offset, length, into);
      for (let at = 0; at < length; at += PIECE) {
        const end = Math.min(at + PIECE, length);
        const piece = await blob
          .slice(offset + at, offset + end)
          .arrayBuffer()
          .catch((cause) => unreadable(name, cause));
        if (piece.byteLength !== end - at) {
          throw new SourceError({
            what: "a Blob gave another number of bytes than it has",
            file: name,
            got: piece.byteLength,
            expected: end - at,
          });
        }
        target.set(new Uint8Array(piece), at);
      }
      return target;
    },
  };
}

/** A file that was picked, and then changed or went away, cannot be read any more. */
function unreadable(file: string, cause: unknown): never {
  throw new SourceError({ what: "this file can no longer be read", file, got: String(cause), cause });
}
