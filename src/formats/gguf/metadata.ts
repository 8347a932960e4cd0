import { show } from "../../message.ts";
import type { Cursor } from "./cursor.ts";
import { fault } from "./fault.ts";
import { type GgufArray, type GgufValue, VALUE_TYPES, type ValueType } from "./types.ts";

/** Arrays inside one another, at most; none is known that has any. */
const MAX_DEPTH = 4;

/** Entries of one array, at most: the largest vocabularies have 262,144 tokens. */
const MAX_ITEMS = 2 ** 22;

/** Longest name of a key or tensor, in bytes; ggml takes 64 for tensors, and 65,535 for keys. */
const MAX_NAME = 65_535;

/** The name of a key or tensor. @throws FormatError (gguf_limit) */
export function readName(cursor: Cursor, what: string): string {
  const name = cursor.text(what);
  if (name.length <= MAX_NAME) return name;
  throw fault("limit", { what: `${what} is too long`, file: cursor.file, got: name.length, expected: MAX_NAME });
}

/**
 * One entry of the metadata:
 *
 *     u64 length, key | u32 type | value
 *
 * A value is a number, little endian; a bool of one byte, 0 or 1; a string, u64 length and UTF-8; or an array, u32 type, u64 length and
 * its values, which may be arrays. Source: docs/gguf.md of ggml.
 * @throws FormatError (gguf_type, _value, _limit, _truncated, utf8)
 */
export function readEntry(cursor: Cursor): [key: string, value: GgufValue] {
  const key = readName(cursor, "a key of the metadata");
  const where = `metadata ${show(key)}`;
  const type = readType(cursor, where);
  return [key, type === "array" ? readArray(cursor, where, 1) : readScalar(cursor, type, where)];
}

function readType(cursor: Cursor, where: string): ValueType {
  const number = cursor.u32(where);
  const type = VALUE_TYPES[number];
  if (type) return type.name;
  const expected = `0 (u8) to ${VALUE_TYPES.length - 1} (f64)`;
  throw fault("type", { what: `${where}: unknown type of value`, file: cursor.file, got: number, expected });
}

function readScalar(
  cursor: Cursor,
  type: Exclude<ValueType, "array">,
  where: string,
): number | bigint | boolean | string {
  switch (type) {
    case "string":
      return cursor.text(where);
    case "bool":
      return bool(cursor, where);
    case "u64":
    case "i64": {
      const n = cursor[type](where);
      return BigInt.asIntN(54, n) === n ? Number(n) : n;
    }
    default:
      return cursor[type](where);
  }
}

function bool(cursor: Cursor, where: string): boolean {
  const byte = cursor.u8(where);
  if (byte <= 1) return byte === 1;
  throw fault("value", { what: `${where}: a bool`, file: cursor.file, got: byte, expected: "0 or 1" });
}

const TYPED = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

function readArray(cursor: Cursor, where: string, depth: number): GgufArray {
  if (depth > MAX_DEPTH) {
    const expected = `at most ${MAX_DEPTH}`;
    throw fault("limit", { what: `${where}: arrays inside arrays`, file: cursor.file, got: `${depth} deep`, expected });
  }
  const type = readType(cursor, where);
  const unit = (VALUE_TYPES.find(({ name }) => name === type) as (typeof VALUE_TYPES)[number]).bytes;
  const length = cursor.count(unit, where);
  if (length > MAX_ITEMS) {
    const expected = `at most ${MAX_ITEMS}`;
    throw fault("limit", { what: `${where}: too many values`, file: cursor.file, got: length, expected });
  }
  // Engines that run phi-ts are little endian, as files are.
  if (Object.hasOwn(TYPED, type))
    return new TYPED[type as keyof typeof TYPED](cursor.bytes(length * unit, where).buffer);
  // Of hundreds of thousands none is made before all are here: what lacks bytes begins anew.
  if (type === "string") cursor.passTexts(length, where);
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) {
    list.push(type === "array" ? readArray(cursor, where, depth + 1) : readScalar(cursor, type, where));
  }
  return list as unknown as GgufArray;
}
