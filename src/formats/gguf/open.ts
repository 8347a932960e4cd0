import { SourceError } from "../../errors.ts";
import { type Tell, throwIt } from "../../faults.ts";
import { INPUTS, type Input, openInput, URL_OPTIONS, type UrlOptions } from "../../open.ts";
import { checkOptions } from "../../options.ts";
import { dequantizeGgml, GGML_FORMATS, GGML_TYPES, isGgmlFormat } from "../../quant/ggml/index.ts";
import { type Bytes, bytesFile, isSourceFile } from "../../source/bytes.ts";
import { checkedFile, checkedSource } from "../../source/checked.ts";
import { checkName, notFound } from "../../source/range.ts";
import type { Source, SourceFile } from "../../source/source.ts";
import { closeAll, namedTensors, openAll, roomFor } from "../named-tensors.ts";
import { fault } from "./fault.ts";
import type { GgufTensor } from "./layout.ts";
import { openShard, type Shard } from "./shard.ts";
import { checkSplit, filesOf, firstOf } from "./split.ts";
import type { GgufValue } from "./types.ts";

/** What {@link openGguf} reads: a path (Node, Bun, Deno), a URL, Blobs, a folder, a file, or bytes. */
export type GgufInput = Input | SourceFile | Bytes;

/** An opened GGUF checkpoint: one file, or the files of a split one as if they were one. */
export interface Gguf {
  /** Version of the format, 2 or 3. */
  readonly version: number;
  /** The metadata of the (first) file, in its order. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** All tensors by name, in the order in which they lie in their files. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** The names of the files. */
  readonly files: readonly string[];
  /**
   * The bytes of a tensor, as blocks of its type, in fresh memory.
   * @throws FormatError (gguf_missing) if there is none of that name, MemoryError if the engine has no room for it
   */
  read(name: string): Promise<Uint8Array>;
  /**
   * Fills `into` with the bytes of a tensor from its byte `offset` on; nothing else is read.
   * @returns `into`
   * @throws FormatError (gguf_missing), SourceError if that reaches past the tensor's end, OptionError if `into` is no Uint8Array
   */
  readInto(name: string, offset: number, into: Uint8Array): Promise<Uint8Array>;
  /**
   * A tensor as float32, bit for bit as ggml dequantizes it.
   * @throws FormatError (gguf_missing; gguf_type for a type whose blocks are not read: IQ1 to IQ3, TQ, MXFP4 …), MemoryError
   */
  toFloat32(name: string): Promise<Float32Array>;
  /** Closes the files. */
  close(): Promise<void>;
}

/** Blocks that are converted at a time, in bytes. */
const PIECE = 1 << 20;

/**
 * Opens a GGUF file (versions 2 and 3, little endian). Its header is read and checked whole; tensors are read when asked for, by byte range. Of
 * a split checkpoint (-00001-of-000NN.gguf) any file may be named; the others must lie beside it.
 *
 * A folder must have one checkpoint; files whose names begin with "mmproj" (projectors of images and sound) do not count.
 * @param options.file which file of a folder to open; for a SourceFile or bytes the name in error messages
 * @param options.fetch, options.headers, options.timeoutMs, options.hubUrl how files at URLs and on the hub (hf:owner/name) are fetched
 * @throws SourceError if there is no such file, or (code "several") more than one to choose from; FormatError for everything that is wrong in
 * a file, before more than its header is read
 * @example
 * const file = await openGguf("Phi-3-mini-4k-instruct-q4.gguf");
 * console.log(file.metadata.get("general.architecture")); // "phi3"
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape);
 * const norm = await file.toFloat32("output_norm.weight"); // Float32Array [D]
 * await file.close();
 */
export async function openGguf(input: GgufInput, options: { file?: string } & UrlOptions = {}): Promise<Gguf> {
  checkOptions("openGguf", options, ["file", ...URL_OPTIONS]);
  const { file, ...fetching } = options;
  if (file !== undefined) checkName(file, "openGguf");
  const name = file ?? "gguf";
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return openAlone(bytesFile(input), name);
  if (isSourceFile(input)) return openAlone(checkedFile(input, name), name);
  const { source, file: named } = await openInput("openGguf", input, fetching, `${INPUTS}, a SourceFile, or bytes`);
  return openFolder(source, file ?? named);
}

/** {@link openGguf} of a Source, for loading: a worker carries nothing that reads from elsewhere. */
export const openGgufIn = (source: Source, file?: string, tell: Tell = throwIt): Promise<Gguf> =>
  openFolder(checkedSource(source), file, tell);

/** @param tell of each damaged file of several */
async function openFolder(source: Source, wanted: string | undefined, tell: Tell = throwIt): Promise<Gguf> {
  return openSplit(source, firstOf(wanted ?? (await onlyCheckpoint(source))), tell);
}

/** The only checkpoint of a folder. @throws SourceError */
async function onlyCheckpoint(source: Source): Promise<string> {
  const names = await source.list?.();
  if (!names) {
    const expected = "the name of one: …/NAME.gguf";
    throw new SourceError(
      { what: "which GGUF file? A web server does not list those that it has", expected },
      "not_found",
    );
  }
  const found = new Set(names.filter((n) => n.endsWith(".gguf") && !n.startsWith("mmproj")).map(firstOf));
  if (found.size === 1) return [...found][0];
  if (found.size === 0) throw notFound("*.gguf", names);
  const facts = { what: "several GGUF checkpoints", got: [...found], expected: "the name of one of them" };
  throw new SourceError(facts, "several");
}

async function openAlone(file: SourceFile, name: string): Promise<Gguf> {
  const shard = await openShard(file, name);
  const names = filesOf(shard);
  if (names.length === 1) return reader([shard]);
  const expected = "the folder in which they lie";
  throw fault("split", {
    what: `the first of ${names.length} files of a split checkpoint, alone`,
    file: name,
    expected,
  });
}

async function openSplit(source: Source, name: string, tell: Tell): Promise<Gguf> {
  const [first] = await openAll(source, [name], openShard, tell);
  const shards = [first];
  try {
    shards.push(...(await openAll(source, filesOf(first).slice(1), openShard, tell)));
    checkSplit(shards);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
  return reader(shards);
}

function reader(shards: readonly Shard[]): Gguf {
  const { tensors, find, readInto, read, close } = namedTensors(shards, (facts) => fault("missing", facts));
  const [{ version, metadata }] = shards;
  return {
    version,
    metadata,
    tensors,
    files: shards.map(({ name }) => name),
    readInto,
    read,
    async toFloat32(name) {
      const { dtype, shape, byteLength, file } = find(name);
      if (!isGgmlFormat(dtype)) {
        const what = `blocks of ${dtype} are not read`;
        throw fault("type", { what, file, tensor: name, got: dtype, expected: GGML_FORMATS });
      }
      const { block, bytes: size } = GGML_TYPES[dtype];
      const out = roomFor(name, () => new Float32Array(shape.reduce((n, d) => n * d, 1)));
      const piece = new Uint8Array(Math.min(Math.floor(PIECE / size) * size, byteLength));
      for (let at = 0; at < byteLength; at += piece.length) {
        const bytes = await readInto(name, at, piece.subarray(0, Math.min(piece.length, byteLength - at)));
        const first = (at / size) * block;
        dequantizeGgml(dtype, bytes, out.subarray(first, first + (bytes.length / size) * block));
      }
      return out;
    },
    close,
  };
}
