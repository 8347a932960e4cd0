import type { SourceFile } from "../../source/source.ts";
import { Cursor } from "./cursor.ts";
import { fault } from "./fault.ts";
import { checkLayout, type GgufTensor, readTensor } from "./layout.ts";
import { readEntry } from "./metadata.ts";
import type { GgufValue } from "./types.ts";

/** One opened .gguf file whose header has been checked. */
export interface Shard {
  name: string;
  file: SourceFile;
  version: number;
  alignment: number;
  /** In the order of the file. */
  metadata: Map<string, GgufValue>;
  /** In the order in which they lie in the file. */
  tensors: GgufTensor[];
}

const VERSIONS = [2, 3];
const DEFAULT_ALIGNMENT = 32;

/** The fewest bytes of a metadata entry and of a tensor's description: empty names, a value of one byte, no axes. */
const MIN_ENTRY = 8 + 4 + 1;
const MIN_TENSOR = 8 + 4 + 4 + 8;

const MAX_ENTRIES = 65_536;
/** As in safetensors. */
const MAX_TENSORS = 262_144;

/**
 * Reads and checks the header of one file; the tensors' bytes stay where they are:
 *
 *     "GGUF" | u32 version | u64 tensors | u64 entries | entries of metadata | descriptions of tensors | padding | data
 *
 * Source: docs/gguf.md of ggml.
 * @throws FormatError for anything that the format forbids, from the header and the file's size alone
 */
export async function openShard(file: SourceFile, name: string): Promise<Shard> {
  const cursor = new Cursor(file, name);
  const { version, tensorCount, entryCount } = await cursor.run(() => readStart(cursor));
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entryCount; i++) {
    const [key, value] = await cursor.run(() => readEntry(cursor));
    if (metadata.has(key))
      throw fault("duplicate", { what: "a key of the metadata comes twice", file: name, got: key });
    metadata.set(key, value);
  }
  const alignment = alignmentOf(metadata, name);
  const listed: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) listed.push(await cursor.run(() => readTensor(cursor, alignment)));
  const start = Math.ceil(cursor.at / alignment) * alignment;
  return { name, file, version, alignment, metadata, tensors: checkLayout(listed, start, file.size, name) };
}

function readStart(cursor: Cursor): { version: number; tensorCount: number; entryCount: number } {
  const { file } = cursor;
  const magic = cursor.u32("the magic number");
  if (magic !== 0x46554747) {
    // "vers", with which a Git LFS pointer begins: what a clone without LFS has in place of weights.
    const pointer = magic === 0x73726576;
    const what = pointer ? "this is a Git LFS pointer, not the file that it stands for" : "this is no GGUF file";
    const got = pointer ? 'a file that begins with "vers"' : `0x${magic.toString(16).padStart(8, "0")}`;
    throw fault("header", { what, file, got, expected: pointer ? "the file itself (git lfs pull)" : '"GGUF"' });
  }
  const version = cursor.u32("the version");
  if (!VERSIONS.includes(version)) {
    const swapped = ((version << 24) | ((version & 0xff00) << 8) | ((version >>> 8) & 0xff00) | (version >>> 24)) >>> 0;
    const big = swapped > 0 && swapped < 0x10000;
    const what = big ? "this GGUF file is big endian" : "this version of GGUF is not read";
    throw fault("version", { what, file, got: big ? swapped : version, expected: "2 or 3, little endian" });
  }
  const tensorCount = cursor.count(MIN_TENSOR, "the number of tensors");
  const entryCount = cursor.count(MIN_ENTRY, "the number of metadata entries");
  atMost(tensorCount, MAX_TENSORS, "too many tensors", file);
  atMost(entryCount, MAX_ENTRIES, "too many metadata entries", file);
  return { version, tensorCount, entryCount };
}

function atMost(n: number, most: number, what: string, file: string): void {
  if (n > most) throw fault("limit", { what, file, got: n, expected: `at most ${most}` });
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, file: string): number {
  const value = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= 1 &&
    value <= 2 ** 31 &&
    (value & (value - 1)) === 0
  )
    return value;
  throw fault("value", { what: "general.alignment", file, got: value, expected: "a power of two" });
}
