import { DTYPE_BYTES, DTYPES, MAX_RANK, type SafetensorsDType } from "./dtype.ts";
import { fault } from "./fault.ts";

/** One tensor of a file; begin and end are byte offsets from the end of the header. */
export interface Entry {
  name: string;
  dtype: SafetensorsDType;
  shape: readonly number[];
  begin: number;
  end: number;
}

/** @throws FormatError (safetensors_dtype) that names an element type which the format or this reader does not know */
export function checkDType(dtype: unknown, tensor: string, file?: string): asserts dtype is SafetensorsDType {
  if (typeof dtype === "string" && Object.hasOwn(DTYPE_BYTES, dtype)) return;
  throw fault("dtype", { what: "unknown dtype", file, tensor, got: dtype, expected: `one of ${DTYPES.join(", ")}` });
}

/**
 * Bytes of a tensor. Dimensions of 0 and no dimensions at all (a scalar) are fine.
 * @throws FormatError (safetensors_shape) for a dimension that is no whole number from 0 to 2^53 - 1, for more than 64 of them, and where the
 *   product with the element's size passes 2^53 - 1 on the way (as in the reference, a later 0 does not heal an overflow)
 */
export function tensorBytes(dtype: SafetensorsDType, shape: readonly number[], tensor: string, file?: string): number {
  if (!Array.isArray(shape)) throw fault("shape", { what: "shape is no list", file, tensor, got: shape });
  if (shape.length > MAX_RANK) {
    throw fault("shape", {
      what: "too many dimensions",
      file,
      tensor,
      got: shape.length,
      expected: `at most ${MAX_RANK}`,
    });
  }
  let n = 1;
  for (const d of [...shape, DTYPE_BYTES[dtype]]) {
    if (!Number.isSafeInteger(d) || d < 0) {
      throw fault("shape", {
        what: "a dimension must be a whole number",
        file,
        tensor,
        got: d,
        expected: "0 to 2^53 - 1",
      });
    }
    n *= d;
    if (n > Number.MAX_SAFE_INTEGER) {
      throw fault("shape", {
        what: "the size overflows",
        file,
        tensor,
        got: `${dtype} [${shape}]`,
        expected: "under 2^53 bytes",
      });
    }
  }
  return n;
}

/**
 * The format's promise: each tensor has the bytes that its shape and dtype need, and sorted by offset the tensors fill the buffer without
 * hole, overlap or rest. Nothing but numbers is looked at.
 * @param dataBytes bytes behind the header
 * @returns the entries sorted by offset
 * @throws FormatError (safetensors_size, _truncated, _hole, _overlap, _trailing)
 */
export function checkLayout(entries: readonly Entry[], dataBytes: number, file: string): Entry[] {
  for (const { name: tensor, dtype, shape, begin, end } of entries) {
    const bytes = tensorBytes(dtype, shape, tensor, file);
    if (end - begin !== bytes) {
      const expected = `${bytes} for ${dtype} [${shape}]`;
      throw fault("size", {
        what: "data_offsets span another number of bytes",
        file,
        tensor,
        got: end - begin,
        expected,
      });
    }
    if (end > dataBytes) {
      const expected = `at least ${end} bytes behind the header`;
      throw fault("truncated", {
        what: "the file is shorter than its header says",
        file,
        tensor,
        got: dataBytes,
        expected,
      });
    }
  }
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  let before = "";
  for (const { name: tensor, begin, end } of sorted) {
    if (begin > at) {
      throw fault("hole", { what: `bytes before it belong to no tensor`, file, tensor, got: begin, expected: at });
    }
    if (begin < at) {
      throw fault("overlap", {
        what: `it overlaps tensor ${before.slice(0, 200)}`,
        file,
        tensor,
        got: begin,
        expected: at,
      });
    }
    at = end;
    before = tensor;
  }
  if (at < dataBytes) {
    throw fault("trailing", { what: "bytes behind the last tensor", file, got: dataBytes, expected: at });
  }
  return sorted;
}
