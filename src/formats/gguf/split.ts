import { isPlainName } from "../../source/range.ts";
import { fault } from "./fault.ts";
import type { Shard } from "./shard.ts";

/** "phi-4-00001-of-00003.gguf": its stem, its number, how many there are. */
const NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** Files of a split checkpoint, at most. */
const MAX_FILES = 1024;

/** The first file of the checkpoint that a file belongs to: itself, unless it is one of several. */
export function firstOf(name: string): string {
  const [, stem, , count] = NAME.exec(name) ?? [];
  return stem === undefined ? name : `${stem}-00001-of-${count}.gguf`;
}

/**
 * The names of all files of the checkpoint of which `first` is the first, by its metadata; one name if it is not split.
 * @throws FormatError (gguf_split) if its name or number is not that of a first file
 */
export function filesOf({ name, metadata }: Shard): string[] {
  const count = metadata.get("split.count") ?? 0;
  if (count === 0 || count === 1) return [name];
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0 || count > MAX_FILES) {
    throw fault("split", { what: "split.count", file: name, got: count, expected: `1 to ${MAX_FILES}` });
  }
  const digits = (n: number) => String(n).padStart(5, "0");
  const [, stem] = NAME.exec(name) ?? [];
  const first = `${stem}-00001-of-${digits(count)}.gguf`;
  if (stem === undefined || name !== first || !isPlainName(name)) {
    const expected = `a name that ends in -00001-of-${digits(count)}.gguf, in a folder with the others`;
    throw fault("split", { what: `one of ${count} files of a split checkpoint`, file: name, got: name, expected });
  }
  return Array.from({ length: count }, (_, i) => `${stem}-${digits(i + 1)}-of-${digits(count)}.gguf`);
}

/** @throws FormatError (gguf_split, gguf_duplicate) if the files are not those of one checkpoint */
export function checkSplit(shards: readonly Shard[]): void {
  if (shards.length === 1) return;
  const [first] = shards;
  const names = new Set<string>();
  shards.forEach(({ name: file, metadata, tensors }, i) => {
    const number = metadata.get("split.no");
    if (number !== i) throw fault("split", { what: "split.no", file, got: number, expected: i });
    const count = metadata.get("split.count");
    if (count !== shards.length) {
      throw fault("split", { what: "split.count", file, got: count, expected: shards.length });
    }
    for (const { name: tensor } of tensors) {
      if (names.has(tensor)) throw fault("duplicate", { what: "another file has this tensor, too", file, tensor });
      names.add(tensor);
    }
  });
  const declared = first.metadata.get("split.tensors.count");
  if (declared !== undefined && declared !== names.size) {
    throw fault("split", { what: "split.tensors.count", file: first.name, got: declared, expected: names.size });
  }
}
