import { GGML_TYPES, type GgmlType } from "../../quant/ggml/types.ts";
import type { Cursor } from "./cursor.ts";
import { fault } from "./fault.ts";
import { readName } from "./metadata.ts";
import { TYPE_BY_NUMBER } from "./types.ts";

/** What the header says of one tensor. */
export interface GgufTensor {
  readonly name: string;
  /** As ggml names it. */
  readonly dtype: GgmlType;
  /** Outermost axis first, as safetensors has it, and not as it stands in the file: a matrix is [rows, columns]. [] is a scalar. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Name of the file that holds it. */
  readonly file: string;
  /** Byte offset of its first block in that file. */
  readonly offset: number;
}

/** Axes of a tensor, at most (GGML_MAX_DIMS). */
const MAX_RANK = 4;

/**
 * One tensor of the list:
 *
 *     u64 length, name | u32 number of axes | u64 size of each, innermost first | u32 type | u64 offset in the data
 *
 * @returns the tensor, with an offset from the data's start
 * @throws FormatError (gguf_type, _shape, _offset)
 */
export function readTensor(cursor: Cursor, alignment: number): GgufTensor {
  const { file } = cursor;
  const name = readName(cursor, "a tensor's name");
  const where = `the description of tensor ${name.slice(0, 80)}`;
  const rank = cursor.u32(where);
  if (rank > MAX_RANK)
    throw fault("shape", { what: "too many axes", file, tensor: name, got: rank, expected: `at most ${MAX_RANK}` });
  const axes = Array.from({ length: rank }, () => cursor.u64(where));
  const number = cursor.u32(where);
  const offset = cursor.u64(where);
  const dtype = TYPE_BY_NUMBER.get(number);
  if (!dtype) {
    const expected = "a type that ggml has";
    throw fault("type", { what: "unknown type of tensor", file, tensor: name, got: number, expected });
  }
  const byteLength = bytesOf(axes, dtype, name, file);
  if (offset % BigInt(alignment) !== 0n || offset > Number.MAX_SAFE_INTEGER) {
    const expected = `a multiple of ${alignment}`;
    throw fault("offset", { what: "an offset", file, tensor: name, got: `${offset}`, expected });
  }
  return { name, dtype, shape: axes.map(Number).reverse(), byteLength, file, offset: Number(offset) };
}

function bytesOf(axes: readonly bigint[], dtype: GgmlType, tensor: string, file: string): number {
  const { block, bytes } = GGML_TYPES[dtype];
  const inner = axes[0] ?? 1n;
  if (inner % BigInt(block) !== 0n) {
    const expected = `a multiple of ${block}, the block of ${dtype}`;
    throw fault("shape", { what: "the innermost axis", file, tensor, got: `${inner}`, expected });
  }
  let size = BigInt(bytes);
  for (const n of axes) {
    size *= n;
    // A later 0 does not heal an overflow.
    if (size > BigInt(Number.MAX_SAFE_INTEGER) * BigInt(block)) {
      const got = `${dtype} [${axes.join(", ")}]`;
      throw fault("shape", { what: "the size overflows", file, tensor, got, expected: "under 2^53 bytes" });
    }
  }
  return Number(size / BigInt(block));
}

/**
 * Places the tensors: the data begin at the next multiple of the alignment behind the header. There may be bytes that no tensor has, since
 * each begins aligned.
 * @param start where the data begin
 * @returns the tensors in the order in which they lie, with offsets in the file
 * @throws FormatError (gguf_truncated, _overlap, _duplicate)
 */
export function checkLayout(tensors: readonly GgufTensor[], start: number, size: number, file: string): GgufTensor[] {
  const names = new Set<string>();
  for (const { name, offset, byteLength } of tensors) {
    if (names.has(name)) throw fault("duplicate", { what: "this name comes twice", file, tensor: name });
    names.add(name);
    const end = start + offset + byteLength;
    if (end <= size) continue;
    const expected = `at least ${end} bytes`;
    throw fault("truncated", {
      what: "the file is shorter than its header says",
      ...{ file, tensor: name, got: size, expected },
    });
  }
  const placed = tensors.map((t) => ({ ...t, offset: start + t.offset }));
  placed.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = start;
  let before = "";
  for (const { name, offset, byteLength } of placed) {
    if (offset < end && byteLength > 0) {
      const what = `it overlaps tensor ${before.slice(0, 200)}`;
      throw fault("overlap", { what, file, tensor: name, got: offset, expected: `${end} or more` });
    }
    if (byteLength === 0) continue;
    end = offset + byteLength;
    before = name;
  }
  return placed;
}
