import { OptionError, ShapeError } from "../errors.ts";
import { checkChoice, checkOptions } from "../options.ts";
import { Arena } from "./arena.ts";
import { fromF32, isInteger, toIntegers } from "./convert.ts";
import { BYTES, type DType } from "./dtype.ts";
import { Tensor } from "./tensor.ts";

/** Dtype and place of a new tensor. */
export interface CreateOptions {
  /** Default f32; of a typed array its own type. */
  dtype?: DType;
  /** Where it lies; default {@link defaultArena}. */
  arena?: Arena;
}

/** Numbers in arrays of arrays, as deep as the tensor has axes; the innermost may be typed arrays. */
export type Values = number | ArrayLike<number> | readonly Values[];

let home: Arena | undefined;

/** The arena of tensors that are made without one: begins with 1 MiB and grows up to 1 GiB. Made at first use. */
export function defaultArena(): Arena {
  home ??= new Arena(1 << 20, { name: "default arena", growTo: 1 << 30 });
  return home;
}

/**
 * A tensor of the numbers given: `tensor([[1, 2], [3, 4]])`, `tensor(new Int32Array(8))`, `tensor(0.5)`.
 * Numbers are rounded to the dtype as {@link Tensor.to} does.
 * @throws ShapeError if rows differ in length, MemoryError if the arena is full
 */
export function tensor(values: Values, options: CreateOptions = {}): Tensor {
  const { dtype, arena } = read("tensor", options, ownType(values));
  const shape = shapeOf(values);
  const out = Tensor.alloc(arena, dtype, shape);
  if (isInteger(dtype)) toIntegers(dtype, flatten(values, shape, new Float64Array(out.size)), out.data);
  else fromF32(dtype, flatten(values, shape, new Float32Array(out.size)), out.data);
  return out;
}

/** A tensor of zeros. @throws ShapeError for a shape that is none, MemoryError if the arena is full */
export function zeros(shape: readonly number[], options: CreateOptions = {}): Tensor {
  const { dtype, arena } = read("zeros", options);
  const out = Tensor.alloc(arena, dtype, shape);
  out.data.fill(0); // the place may have been used and released before
  return out;
}

/** A tensor of one number throughout. @throws as {@link zeros} */
export function full(shape: readonly number[], value: number, options: CreateOptions = {}): Tensor {
  const { dtype, arena } = read("full", options);
  const out = Tensor.alloc(arena, dtype, shape);
  const one = tensor(value, { dtype, arena });
  out.data.fill(one.data[0]);
  arena.release(one.ptr);
  return out;
}

/** 0, 1, … n - 1. @throws as {@link zeros} */
export function arange(n: number, options: CreateOptions = {}): Tensor {
  const { dtype, arena } = read("arange", options);
  Tensor.bytes(dtype, [n]);
  return tensor(
    Int32Array.from({ length: n }, (_, i) => i),
    { dtype, arena },
  );
}

/**
 * A tensor of the bytes given (little endian, copied), as files hold them.
 * @throws ShapeError if they are more or fewer than dtype and shape ask for
 */
export function fromBytes(
  bytes: Uint8Array,
  dtype: DType,
  shape: readonly number[],
  options: { arena?: Arena } = {},
): Tensor {
  checkOptions("fromBytes", options, ["arena"]);
  if (bytes.byteLength !== Tensor.bytes(dtype, shape)) {
    const what = `fromBytes: bytes for ${dtype} [${shape.join(", ")}]`;
    throw new ShapeError({ what, got: bytes.byteLength, expected: Tensor.bytes(dtype, shape) });
  }
  const out = Tensor.alloc(options.arena ?? defaultArena(), dtype, shape);
  new Uint8Array(out.arena.buffer, out.ptr, bytes.byteLength).set(bytes);
  return out;
}

function read(where: string, options: CreateOptions, fallback: DType = "f32"): { dtype: DType; arena: Arena } {
  checkOptions(where, options, ["dtype", "arena"]);
  const dtype = checkChoice(where, "dtype", options.dtype, Object.keys(BYTES) as DType[], fallback);
  const { arena } = options;
  if (arena !== undefined && !(arena instanceof Arena))
    throw new OptionError({ what: `${where}: option "arena"`, got: arena, expected: "an Arena" });
  return { dtype, arena: arena ?? defaultArena() };
}

/** The dtype that a typed array's elements have. */
function ownType(values: unknown): DType {
  if (values instanceof Int32Array) return "i32";
  if (values instanceof Int16Array) return "i16";
  if (values instanceof Int8Array) return "i8";
  if (values instanceof Uint8Array) return "u8";
  return "f32";
}

const isList = (v: unknown): v is ArrayLike<unknown> =>
  Array.isArray(v) || (ArrayBuffer.isView(v) && !(v instanceof DataView));

/** The shape by the first element of each level. */
function shapeOf(values: unknown): number[] {
  return isList(values) ? [values.length, ...(values.length > 0 ? shapeOf(values[0]) : [])] : [];
}

/** The numbers one after the other into `out`. @throws ShapeError where they do not keep to the shape */
function flatten<T extends Float32Array | Float64Array>(values: unknown, shape: readonly number[], out: T): T {
  let at = 0;
  const walk = (value: unknown, axis: number, path: string) => {
    const length = isList(value) ? value.length : undefined;
    if (length !== shape[axis] || (length === undefined && typeof value !== "number")) {
      const expected = axis < shape.length ? `${shape[axis]} elements` : "a number";
      const got = length === undefined ? value : `${length} elements`;
      const fault = length === undefined && axis === shape.length ? "this is no number" : "rows differ in length";
      throw new ShapeError({ what: `tensor: ${fault} at ${path || "the top"}`, got, expected });
    }
    if (!isList(value)) out[at++] = value as number;
    else for (let i = 0; i < value.length; i++) walk(value[i], axis + 1, `${path}[${i}]`);
  };
  walk(values, 0, "");
  return out;
}
