import { MemoryError, OptionError } from "../../errors.ts";
import { checkOptions } from "../../options.ts";
import { DTYPES, type SafetensorsDType } from "./dtype.ts";
import { fault } from "./fault.ts";
import { MAX_TENSORS } from "./header.ts";
import { checkDType, tensorBytes } from "./layout.ts";
import { MAX_HEADER_BYTES } from "./shard.ts";

/** What a header says of a tensor. */
export interface TensorSpec {
  dtype: SafetensorsDType;
  /** Outermost axis first; [] is a scalar. */
  shape: readonly number[];
}

/** A tensor to write: `data` are its elements, little-endian, in row-major order. */
export interface TensorData extends TensorSpec {
  /** As many bytes as dtype and shape need. */
  data: ArrayBufferView | ArrayBuffer;
}

/** A file's first bytes and the order in which its tensors follow. */
export interface FilePlan<T> {
  /** Length field and header, a multiple of 8 bytes. */
  head: Uint8Array;
  order: { name: string; spec: T; bytes: number }[];
  /** Bytes behind the head. */
  dataBytes: number;
}

/** By code points, as Rust compares strings (JavaScript's own order differs above U+FFFF). */
export function compareText(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    const [x, y] = [a.codePointAt(i) as number, b.codePointAt(i) as number];
    // Two low halves behind the same high half compare as they are; a pair is above every single unit.
    return x - y;
  }
  return a.length - b.length;
}

/**
 * Lays a file out as Hugging Face's writer does: by dtype, last of {@link DTYPES} first, then by name; header padded with spaces to a multiple of
 * 8 bytes. `__metadata__` keys are sorted (the reference writes them in no fixed order), so equal input gives equal bytes.
 * @throws FormatError for names, shapes, dtypes and metadata that the format cannot hold
 */
export function planFile<T extends TensorSpec>(
  tensors: Iterable<readonly [string, T]>,
  metadata?: Readonly<Record<string, string>>,
): FilePlan<T> {
  const order: FilePlan<T>["order"] = [];
  const seen = new Set<string>();
  for (const [name, spec] of tensors) {
    checkTensorName(name);
    checkSpec(spec, name);
    if (seen.has(name)) throw fault("name", { what: "two tensors have this name", tensor: name });
    seen.add(name);
    checkDType(spec.dtype, name);
    order.push({ name, spec, bytes: tensorBytes(spec.dtype, spec.shape, name) });
  }
  if (order.length > MAX_TENSORS) {
    throw fault("limit", {
      what: "too many tensors for one file",
      got: order.length,
      expected: `at most ${MAX_TENSORS}`,
    });
  }
  const rank = (spec: T) => DTYPES.indexOf(spec.dtype);
  order.sort((a, b) => rank(b.spec) - rank(a.spec) || compareText(a.name, b.name));

  const parts: string[] = [];
  if (metadata) parts.push(`"__metadata__":${metadataText(metadata)}`);
  let at = 0;
  for (const { name, spec, bytes } of order) {
    const { dtype, shape } = spec;
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${at},${at + bytes}]}`);
    at += bytes;
  }
  if (!Number.isSafeInteger(at)) throw fault("limit", { what: "more bytes than a file can have", got: at });
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw fault("limit", { what: "the header is too long", got: headerBytes, expected: `at most ${MAX_HEADER_BYTES}` });
  }
  const head = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerBytes), true);
  head.set(json, 8);
  return { head, order, dataBytes: at };
}

function checkTensorName(name: unknown): asserts name is string {
  if (typeof name === "string" && name !== "__metadata__" && wellFormed(name)) return;
  const tensor = typeof name === "string" ? name : undefined;
  throw fault("name", {
    what: "no name for a tensor",
    tensor,
    got: name,
    expected: 'a well-formed text but "__metadata__"',
  });
}

/** @throws FormatError (safetensors_header) for a tensor that is no object */
export function checkSpec(spec: unknown, tensor?: string): void {
  if (typeof spec === "object" && spec !== null) return;
  throw fault("header", { what: "no tensor", tensor, got: spec, expected: "an object with dtype, shape and data" });
}

function metadataText(metadata: Readonly<Record<string, string>>): string {
  if (typeof metadata !== "object" || Array.isArray(metadata) || metadata instanceof Map)
    throw fault("metadata", { what: "metadata", got: metadata, expected: "an object of texts" });
  const entries = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  for (const [key, value] of entries) {
    if (typeof value === "string" && wellFormed(value) && wellFormed(key)) continue;
    throw fault("metadata", { what: `metadata ${JSON.stringify(key)}`, got: value, expected: "a well-formed text" });
  }
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}

/** No half of a surrogate pair: UTF-8 has no bytes for it. */
const wellFormed = (text: string): boolean => !/[\ud800-\udfff]/u.test(text);

/** The bytes of a tensor to write. @throws FormatError (safetensors_size) if they are not as many as dtype and shape need, or none at all */
export function dataBytesOf(name: string, spec: TensorData, bytes: number): Uint8Array {
  const { data, dtype, shape } = spec;
  const isBuffer = /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(data));
  if (!ArrayBuffer.isView(data) && !isBuffer)
    throw fault("size", { what: "data", tensor: name, got: data, expected: "a typed array or an ArrayBuffer" });
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  if (view.length === bytes) return view;
  throw fault("size", {
    what: "data of another number of bytes",
    tensor: name,
    got: view.length,
    expected: `${bytes} for ${dtype} [${shape}]`,
  });
}

/**
 * A safetensors file in memory, byte for byte what Hugging Face's writer makes of the same tensors (with at most one metadata key).
 * @param tensors by name
 * @param options.metadata texts for `__metadata__`; transformers wants { format: "pt" }
 * @throws FormatError for what the format cannot hold or data that do not fit their shape, MemoryError where the whole is too large for one array
 *   (then use {@link writeShardedSafetensors})
 * @example
 * const bytes = writeSafetensors({ x: { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } });
 */
export function writeSafetensors(
  tensors: Record<string, TensorData> | Iterable<readonly [string, TensorData]>,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  checkOptions("writeSafetensors", options, ["metadata"]);
  if (typeof tensors !== "object" || tensors === null)
    throw new OptionError({ what: "writeSafetensors: tensors", got: tensors, expected: "an object or a Map by name" });
  const { head, order, dataBytes } = planFile(
    Symbol.iterator in tensors ? tensors : Object.entries(tensors),
    options.metadata,
  );
  const views = order.map(({ name, spec, bytes }) => dataBytesOf(name, spec, bytes));
  let out: Uint8Array;
  try {
    out = new Uint8Array(head.length + dataBytes);
  } catch (cause) {
    throw new MemoryError({
      what: "the engine gives no array of this size",
      got: `${head.length + dataBytes} bytes`,
      cause,
    });
  }
  out.set(head);
  let at = head.length;
  for (const view of views) {
    out.set(view, at);
    at += view.length;
  }
  return out;
}
