import { SourceError } from "../../errors.ts";
import { type Tell, throwIt } from "../../faults.ts";
import { INPUTS, type Input, openInput, URL_OPTIONS, type UrlOptions } from "../../open.ts";
import { checkOptions } from "../../options.ts";
import { type Bytes, bytesFile, isSourceFile } from "../../source/bytes.ts";
import { checkedFile, checkedSource } from "../../source/checked.ts";
import { checkName, notFound } from "../../source/range.ts";
import { ifThere } from "../../source/read.ts";
import type { Source, SourceFile } from "../../source/source.ts";
import { closeAll, namedTensors, openAll, roomFor } from "../named-tensors.ts";
import { DTYPE_BYTES } from "./dtype.ts";
import { fault } from "./fault.ts";
import { bytesToFloat32 } from "./float32.ts";
import { checkIndex, readIndex, type ShardIndex } from "./index-file.ts";
import { allShards, shownSet, weightSets } from "./sets.ts";
import { openShard, type Shard, type TensorInfo } from "./shard.ts";

/** What {@link openSafetensors} reads: a path (Node, Bun, Deno), a URL, Blobs, a folder, a file, or bytes. */
export type SafetensorsInput = Input | SourceFile | Bytes;

/** An opened checkpoint: one file, or the shards of an index as if they were one. */
export interface Safetensors {
  /** All tensors by name, in the order in which they lie in their files. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__` of the file, or of all shards together. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The bytes of a tensor, in fresh memory.
   * @throws FormatError (safetensors_missing) if there is none of that name, MemoryError if the engine has no room for it
   */
  read(name: string): Promise<Uint8Array>;
  /**
   * Fills `into` with the bytes of a tensor from its byte `offset` on; nothing else is read.
   * @returns `into`
   * @throws FormatError (safetensors_missing), SourceError if that reaches past the tensor's end, OptionError if `into` is no Uint8Array
   */
  readInto(name: string, offset: number, into: Uint8Array): Promise<Uint8Array>;
  /**
   * A tensor as float32: 16- and 8-bit types exactly, wider ones to the nearest (64-bit integers by way of float64).
   * @throws FormatError (safetensors_missing), MemoryError
   */
  toFloat32(name: string): Promise<Float32Array>;
  /** Closes the files. */
  close(): Promise<void>;
}

/** Bytes that are converted at a time. */
const BLOCK = 1 << 20;

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Opens a safetensors checkpoint. Headers are read and checked whole; tensors are read when asked for, by byte range.
 *
 * A folder gives its `model.safetensors` or, without one, the shards of its `model.safetensors.index.json` (Hugging Face's order), or else its only
 * checkpoint, whatever it is called. A path or URL may also name one file, which may be an index.
 * @param options.file which file of a folder to open; for a SourceFile or bytes the name in error messages
 * @param options.fetch, options.headers, options.timeoutMs, options.hubUrl how files at URLs and on the hub (hf:owner/name) are fetched
 * @throws SourceError if there is no such file, or (code "several") more than one to choose from; FormatError for everything that is wrong in a file, before more than its header is read
 * @example
 * const file = await openSafetensors("models/phi-tiny");
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape);
 * const norm = await file.toFloat32("model.norm.weight"); // Float32Array [D]
 * await file.close();
 */
export async function openSafetensors(
  input: SafetensorsInput,
  options: { file?: string } & UrlOptions = {},
): Promise<Safetensors> {
  checkOptions("openSafetensors", options, ["file", ...URL_OPTIONS]);
  const { file, ...fetching } = options;
  if (file !== undefined) checkName(file, "openSafetensors");
  const name = file ?? "safetensors";
  if (input instanceof Uint8Array || input instanceof ArrayBuffer)
    return reader([await openShard(bytesFile(input), name)]);
  if (isSourceFile(input)) return reader([await openShard(checkedFile(input, name), name)]);
  const opened = await openInput("openSafetensors", input, fetching, `${INPUTS}, a SourceFile, or bytes`);
  return openFolder(opened.source, file ?? opened.file);
}

/** {@link openSafetensors} of a Source, for loading: a worker carries nothing that reads from elsewhere. */
export const openSafetensorsIn = (source: Source, file?: string, tell: Tell = throwIt): Promise<Safetensors> =>
  openFolder(checkedSource(source), file, tell);

/** @param tell of each shard that is damaged, and of each tensor that is not where the index says */
async function openFolder(source: Source, wanted: string | undefined, tell: Tell = throwIt): Promise<Safetensors> {
  if (wanted?.endsWith(".json")) return openIndexed(source, await readIndex(source, wanted), tell);
  if (wanted !== undefined) return reader(await openAll(source, [wanted], openShard, tell));
  const single = await ifThere(source, SINGLE, (_, name) => openAll(source, [name], openShard, tell));
  if (single) return reader(single);
  const names = await source.list?.();
  if (names && !names.includes(INDEX)) return openOnly(source, names, tell);
  return openIndexed(source, await readIndex(source, INDEX), tell);
}

/** The only checkpoint of a folder, whatever it is called. @throws SourceError (codes "several", "not_found") */
async function openOnly(source: Source, names: readonly string[], tell: Tell): Promise<Safetensors> {
  const [set, ...others] = weightSets(names);
  if (!set) throw notFound(`${SINGLE} or ${INDEX}`, names);
  if (others.length > 0) {
    const got = [set, ...others].map(shownSet);
    const expected = "one; or say which by its own name";
    throw new SourceError({ what: "several checkpoints in one folder", got, expected }, "several");
  }
  if (set.index !== undefined) return openIndexed(source, await readIndex(source, set.index), tell);
  const missing = allShards(set.files[0]).filter((name) => !set.files.includes(name));
  if (missing.length === 0) return reader(await openAll(source, set.files, openShard, tell));
  throw new SourceError(
    { what: "shards are missing, and so is their index", got: set.files, expected: missing },
    "not_found",
  );
}

async function openIndexed(source: Source, index: ShardIndex, tell: Tell): Promise<Safetensors> {
  const shards = await openAll(source, index.shards, openShard, tell);
  try {
    checkIndex(index, shards, tell);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
  return reader(shards);
}

function reader(shards: readonly Shard[]): Safetensors {
  const { tensors, find, readInto, read, close } = namedTensors(shards, (facts) => fault("missing", facts));
  const metadata = Object.fromEntries(shards.flatMap((shard) => [...shard.metadata]));
  return {
    tensors,
    metadata,
    readInto,
    read,
    async toFloat32(name) {
      const { dtype, byteLength } = find(name);
      const step = DTYPE_BYTES[dtype];
      const out = roomFor(name, () => new Float32Array(byteLength / step));
      if (dtype === "F32") {
        await readInto(name, 0, new Uint8Array(out.buffer));
        return out;
      }
      const block = new Uint8Array(Math.min(BLOCK, byteLength));
      for (let at = 0; at < byteLength; at += BLOCK) {
        const bytes = await readInto(name, at, block.subarray(0, Math.min(BLOCK, byteLength - at)));
        bytesToFloat32(dtype, bytes, out.subarray(at / step, (at + bytes.length) / step));
      }
      return out;
    },
    close,
  };
}
