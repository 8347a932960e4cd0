import { decodeUtf8 } from "../../source/read.ts";
import type { SourceFile } from "../../source/source.ts";
import type { SafetensorsDType } from "./dtype.ts";
import { fault } from "./fault.ts";
import { parseHeader } from "./header.ts";
import { checkLayout } from "./layout.ts";

/** What the header says of one tensor. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  /** Outermost axis first; [] is a scalar. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Name of the file that holds it. */
  readonly file: string;
  /** Byte offset of its first element in that file. */
  readonly offset: number;
}

/** One opened .safetensors file whose header has been checked. */
export interface Shard {
  name: string;
  file: SourceFile;
  /** In the order in which they lie in the file. */
  tensors: TensorInfo[];
  metadata: Map<string, string>;
}

/** Longest header, as in the reference implementation. */
export const MAX_HEADER_BYTES = 100_000_000;

/** "version ", with which a Git LFS pointer begins, read as a length: what a clone without LFS has in place of weights. */
const LFS_POINTER = 0x206e6f6973726576n;

/**
 * Reads and checks the header of one file; the tensors' bytes stay where they are. Layout: 8 bytes little-endian N, N bytes of JSON that
 * begins with "{", then the buffer.
 * @throws FormatError for anything that the format forbids, from the header and the file's size alone
 */
export async function openShard(file: SourceFile, name: string): Promise<Shard> {
  const { size } = file;
  if (!Number.isSafeInteger(size) || size < 8) {
    throw fault("truncated", {
      what: "too short for a safetensors file",
      file: name,
      got: size,
      expected: "at least 8 bytes",
    });
  }
  const start = await file.read(0, Math.min(9, size));
  const declared = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (declared === LFS_POINTER) {
    throw fault("header", {
      what: "this is a Git LFS pointer, not the file that it stands for",
      file: name,
      got: `${size} bytes that begin with "version "`,
      expected: "the file itself (git lfs pull)",
    });
  }
  if (declared > MAX_HEADER_BYTES || declared < 2) {
    const expected = `2 to ${MAX_HEADER_BYTES}`;
    throw fault("header", {
      what: "no safetensors file: its first 8 bytes, the length of a header",
      file: name,
      got: declared,
      expected,
    });
  }
  const headerBytes = Number(declared);
  if (8 + headerBytes > size) {
    const expected = `at least ${8 + headerBytes} bytes`;
    throw fault("truncated", { what: "the file ends inside its header", file: name, got: size, expected });
  }
  if (start[8] !== 0x7b) {
    throw fault("header", { what: "first byte of the header", file: name, got: start[8], expected: '123 ("{")' });
  }
  const text = decodeUtf8(await file.read(8, headerBytes), name, true);
  const { entries, metadata } = parseHeader(text, name);
  const base = 8 + headerBytes;
  const tensors = checkLayout(entries, size - base, name).map(
    (e): TensorInfo => ({
      name: e.name,
      dtype: e.dtype,
      shape: e.shape,
      byteLength: e.end - e.begin,
      file: name,
      offset: base + e.begin,
    }),
  );
  return { name, file, tensors, metadata };
}
