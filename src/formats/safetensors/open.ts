import { type Tell, throwIt } from "../../faults.ts";
import { INPUTS, type Input, openInput } from "../../open.ts";
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
 * A folder gives its `model.safetensors` or, without one, the shards of its `model.safetensors.index.json` (Hugging Face's order). A path or
 * URL may also name one file, which may be an index.
 * @param options.file which file of a folder to open; for a SourceFile or bytes the name in error messages
 * @throws SourceError if there is no such file; FormatError for everything that is wrong in a file, before more than its header is read
 * @example
 * const file = await openSafetensors("models/phi-tiny");
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape);
 * const norm = await file.toFloat32("model.norm.weight"); // Float32Array [D]
 * await file.close();
 */
export async function openSafetensors(input: SafetensorsInput, options: { file?: string } = {}): Promise<Safetensors> {
  checkOptions("openSafetensors", options, ["file"]);
  const { file } = options;
  if (file !== undefined) checkName(file, "openSafetensors");
  const name = file ?? "safetensors";
  if (input instanceof Uint8Array || input instanceof ArrayBuffer)
    return reader([await openShard(bytesFile(input), name)]);
  if (isSourceFile(input)) return reader([await openShard(checkedFile(input, name), name)]);
  const opened = await openInput("openSafetensors", input, `${INPUTS}, a SourceFile, or bytes`);
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
  const index = await ifThere(source, INDEX, readIndex);
  if (index) return openIndexed(source, index, tell);
  throw notFound(`${SINGLE} or ${INDEX}`, await source.list?.());
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
