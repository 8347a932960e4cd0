import { SourceError } from "../errors.ts";
import { type DirectoryHandle, handleTree, treeSource } from "./blob.ts";
import { filesOf, type Tree } from "./folder.ts";
import type { ListedSource } from "./source.ts";

/** What is used of a drop event's DataTransfer; its names are those of the DOM, which not every project's types have. */
export interface Dropped {
  readonly items: ArrayLike<{ readonly kind: string; getAsFile(): Blob | null }>;
}

/** Handles, where the engine has them (Chromium): unlike entries they can be read from pages that were opened from disk, too. */
type WithHandle = DataTransferItem & {
  getAsFileSystemHandle?(): Promise<DirectoryHandle | { kind: "file"; name: string; getFile(): Promise<File> } | null>;
};

/**
 * The checkpoint in what was dropped on a page: files, or a folder, in which it may lie deeper. It is chosen as {@link blobSource} does.
 *
 * Call it in the event handler itself, before anything is awaited: browsers empty the DataTransfer when the handler has ended.
 * @throws SourceError: "not_found" if no files were dropped, "several" if there are several checkpoints, with their folders
 * @example
 * page.ondrop = async (event) => {
 *   event.preventDefault();
 *   const phi = await loadPhi(await droppedFiles(event.dataTransfer));
 * };
 */
export async function droppedFiles(dataTransfer: Dropped | null): Promise<ListedSource> {
  // Nothing may be awaited before all items were asked.
  const items = (Array.from(dataTransfer?.items ?? []) as WithHandle[]).filter((item) => item.kind === "file");
  const parts = items.map(itemTree);
  const tree: Tree = async () => {
    const all = await Promise.all(parts.map(async (part) => (await part)()));
    return { files: all.flatMap((t) => t.files), folders: all.flatMap((t) => t.folders) };
  };
  await filesOf(tree);
  return treeSource(tree);
}

/** One item as a tree of its own: one file or one folder. */
function itemTree(item: WithHandle): Promise<Tree> {
  const file = item.getAsFile();
  const entry = item.webkitGetAsEntry?.() ?? null;
  const handle = item.getAsFileSystemHandle?.().catch(() => null);
  return (async (): Promise<Tree> => {
    const got = await handle;
    if (got?.kind === "directory") return async () => ({ files: [], folders: [[got.name, handleTree(got)]] });
    if (got) return async () => ({ files: [[got.name, () => got.getFile()]], folders: [] });
    if (entry) return entryTree([entry]);
    return async () => ({ files: file ? [[file.name, async () => file]] : [], folders: [] });
  })();
}

/** Entries of the older interface, which all browsers have. Source: File and Directory Entries API (WICG). */
function entryTree(entries: readonly FileSystemEntry[]): Tree {
  return async () => ({
    files: entries
      .filter((e): e is FileSystemFileEntry => e.isFile)
      .map((e) => [e.name, () => new Promise<Blob>((resolve, reject) => e.file(resolve, reject))] as const),
    folders: entries
      .filter((e): e is FileSystemDirectoryEntry => e.isDirectory)
      .map((e) => [e.name, async () => entryTree(await childrenOf(e))()] as const),
  });
}

async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives at most a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject)).catch(
      (cause) => {
        throw new SourceError({ what: "this folder cannot be read", file: folder.fullPath, got: String(cause), cause });
      },
    );
    if (some.length === 0) return children;
    children.push(...some);
  }
}
