import { SourceError } from "../errors.ts";
import { isPlainName } from "./range.ts";

/** A folder of files that may have folders in it; what it holds is asked for when it is looked at. */
export type Tree = () => Promise<{
  files: readonly (readonly [name: string, open: () => Promise<Blob>])[];
  folders: readonly (readonly [name: string, tree: Tree])[];
}>;

/** Whoever drops a home folder gets an error, not an endless search. */
const MAX_DEPTH = 6;
const MAX_ENTRIES = 20_000;

interface Found {
  path: string;
  files: Map<string, () => Promise<Blob>>;
}

/**
 * The files of the checkpoint in a tree: of its uppermost folder with a config.json, or, where none has one, of its uppermost folder
 * with files. Folders below the one that is taken are not looked at.
 * @throws SourceError: "several" if more than one stands highest, or two files have one name; "not_found" if there is nothing; "too_large"
 */
export async function filesOf(tree: Tree): Promise<ReadonlyMap<string, () => Promise<Blob>>> {
  let level: [string, Tree][] = [["", tree]];
  let withFiles: Found[] = [];
  let entries = 0;
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const found: Found[] = [];
    const below: [string, Tree][] = [];
    for (const [path, look] of level) {
      const { files, folders } = await look();
      entries += files.length + folders.length;
      if (entries > MAX_ENTRIES) {
        const expected = `a checkpoint folder; this has more than ${MAX_ENTRIES} files`;
        throw new SourceError({ what: "too many files to search for a checkpoint", expected }, "too_large");
      }
      if (files.length) found.push({ path, files: unique(path, files) });
      for (const [name, folder] of folders) below.push([`${path}${name}/`, folder]);
    }
    const homes = found.filter(({ files }) => files.has("config.json"));
    if (homes.length) return only(homes, "several folders have a config.json");
    if (withFiles.length === 0) withFiles = found;
    level = below;
  }
  if (withFiles.length) return only(withFiles, "several folders, and none has a config.json");
  throw new SourceError({ what: "there are no files here", expected: "a checkpoint folder" }, "not_found");
}

function only(found: readonly Found[], what: string): Found["files"] {
  if (found.length === 1) return found[0].files;
  const got = found.map(({ path }) => path || "the top");
  throw new SourceError({ what, got, expected: "one of them" }, "several");
}

function unique(path: string, files: readonly (readonly [string, () => Promise<Blob>])[]): Found["files"] {
  const map: Found["files"] = new Map();
  for (const [name, open] of files) {
    if (!isPlainName(name)) continue; // no reader could ask for it
    if (map.has(name)) throw new SourceError({ what: "two files have this name", file: `${path}${name}` }, "several");
    map.set(name, open);
  }
  return map;
}
