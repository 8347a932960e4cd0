import { ShapeError } from "../errors.ts";
import type { Arena } from "./arena.ts";
import { bf16ToF32, f16ToF32, fromF32, isInteger, toF32, toIntegers } from "./convert.ts";
import { BYTES, type DType, type TypedArray, viewOf } from "./dtype.ts";
import { INSPECT, print } from "./print.ts";

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** What to take of one axis: the element at an index (the axis goes away), or `[from?, to?]`, `to` exclusive. Negative counts from the end. */
export type Range = number | readonly [from?: number, to?: number];

/** An array of arrays … of numbers. */
export type Nested = number | readonly Nested[];

/**
 * A tensor is a dtype, a shape and a place in an arena; elements lie one after the other, the last axis fastest. It owns nothing: the
 * arena does. `rows` and `reshape` are views that share the bytes; `slice` and `to` make new tensors.
 */
export class Tensor {
  readonly arena: Arena;
  /** Byte offset of the first element in `arena.buffer`. */
  readonly ptr: number;
  readonly dtype: DType;
  /** Outermost axis first; [] is a scalar. */
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  #view: TypedArray | undefined;

  /** @throws ShapeError for a shape that is none, an offset that the dtype cannot begin at, or a place outside the arena */
  constructor(arena: Arena, ptr: number, dtype: DType, shape: readonly number[]) {
    const bytes = Tensor.bytes(dtype, shape);
    if (!(ptr >= 0 && ptr % BYTES[dtype] === 0 && ptr + bytes <= arena.byteLength)) {
      const what = `a tensor ${dtype} [${shape.join(", ")}] at byte ${ptr} of ${arena.byteLength}`;
      throw new ShapeError({ what, expected: `inside the arena, at a multiple of ${BYTES[dtype]}` });
    }
    this.arena = arena;
    this.ptr = ptr;
    this.dtype = dtype;
    this.shape = shape;
    this.size = bytes / BYTES[dtype];
  }

  /** A tensor at a fresh place (a multiple of 64 bytes) in `arena`. @throws MemoryError if the arena is full, ShapeError for a shape that is none */
  static alloc(arena: Arena, dtype: DType, shape: readonly number[]): Tensor {
    return new Tensor(arena, arena.alloc(Tensor.bytes(dtype, shape)), dtype, shape);
  }

  /** Bytes that such a tensor takes (an arena pads it to a multiple of 64). @throws ShapeError for a shape or dtype that is none */
  static bytes(dtype: DType, shape: readonly number[]): number {
    if (!Object.hasOwn(BYTES, `${dtype}`))
      throw new ShapeError({ what: "a tensor's dtype", got: dtype, expected: Object.keys(BYTES) });
    for (const d of shape) {
      if (!(Number.isSafeInteger(d) && d >= 0))
        throw new ShapeError({ what: "a tensor's shape", got: shape, expected: "whole numbers from 0" });
    }
    return sizeOf(shape) * BYTES[dtype];
  }

  /** Bytes of all elements, without padding. */
  get byteLength(): number {
    return this.size * BYTES[this.dtype];
  }

  /**
   * The elements as JavaScript sees them, sharing memory; f16 and bf16 as their 16 bits. Where the arena can grow, ask anew after every
   * allocation: growing detaches the views before it.
   */
  get data(): TypedArray {
    const buffer = this.arena.buffer;
    if (this.#view === undefined || this.#view.buffer !== buffer) {
      this.#view = viewOf(this.dtype, buffer, this.ptr, this.size);
    }
    return this.#view;
  }

  /** `data` of an f32 tensor, typed as such. @throws ShapeError for another dtype */
  get f32(): Float32Array {
    if (this.dtype !== "f32") throw new ShapeError({ what: "this needs an f32 tensor", got: this.dtype });
    return this.data as Float32Array;
  }

  /** Rows `from` to `to` (exclusive) along the first axis, sharing memory. @throws ShapeError outside 0…shape[0] */
  rows(from: number, to: number): Tensor {
    const [n, ...rest] = this.shape;
    if (!(from >= 0 && from <= to && to <= n)) {
      throw new ShapeError({ what: `rows of a tensor with ${n} rows`, got: `${from} to ${to}` });
    }
    return new Tensor(this.arena, this.ptr + from * sizeOf(rest) * BYTES[this.dtype], this.dtype, [to - from, ...rest]);
  }

  /**
   * The same elements in another shape, sharing memory; one axis may be -1, which is what is left.
   * @throws ShapeError if the number of elements differs
   */
  reshape(shape: readonly number[]): Tensor {
    const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const full = shape.includes(-1) ? shape.map((d) => (d === -1 ? this.size / known : d)) : shape;
    if (shape.indexOf(-1) !== shape.lastIndexOf(-1) || sizeOf(full) !== this.size)
      throw new ShapeError({ what: "reshape changes the number of elements", got: shape, expected: this.shape });
    return new Tensor(this.arena, this.ptr, this.dtype, full);
  }

  /**
   * A part, as a new tensor in the same arena: one range for each axis, from the first; axes without one are taken whole.
   * `t.slice(0)` is the first row, `t.slice([], [-2])` the last two columns.
   * @throws ShapeError for a range outside its axis or more ranges than axes, MemoryError if the arena is full
   */
  slice(...ranges: readonly Range[]): Tensor {
    const { shape } = this;
    if (ranges.length > shape.length)
      throw new ShapeError({ what: "slice: ranges", got: ranges.length, expected: `at most ${shape.length}` });
    const bounds = shape.map((d, axis) => boundsOf(axis, d, ranges[axis] ?? []));
    const kept = bounds.filter((_, axis) => typeof ranges[axis] !== "number");
    const out = Tensor.alloc(
      this.arena,
      this.dtype,
      kept.map(([from, to]) => to - from),
    );
    const from = this.data;
    const into = out.data;
    let at = 0;
    const copy = (axis: number, row: number) => {
      if (axis === shape.length) into[at++] = from[row];
      else for (let i = bounds[axis][0]; i < bounds[axis][1]; i++) copy(axis + 1, row * shape[axis] + i);
    };
    copy(0, 0);
    return out;
  }

  /**
   * A new tensor with the same numbers as `dtype`, in the same arena or another. To f16 and bf16: nearest, ties to even. To integers: the same, held
   * at the ends of the range, NaN becomes 0. (int8 and int4 groups with scales: `pack` of phi-ts/kernels.)
   */
  to(dtype: DType, arena: Arena = this.arena): Tensor {
    const out = Tensor.alloc(arena, dtype, this.shape);
    const { data } = this; // after the allocation, which may have moved it
    if (dtype === this.dtype) out.data.set(data);
    else if (isInteger(dtype) && isInteger(this.dtype)) toIntegers(dtype, data, out.data);
    else if (dtype === "f32") toF32(this.dtype, data, out.f32);
    else fromF32(dtype, toF32(this.dtype, data), out.data);
    return out;
  }

  /** The element at an index (one for each axis, negative counts from the end) as a number. @throws ShapeError outside the shape */
  get(...index: readonly number[]): number {
    const { shape } = this;
    if (index.length !== shape.length)
      throw new ShapeError({
        what: "get: indices",
        got: index,
        expected: `one for each axis of [${shape.join(", ")}]`,
      });
    return this.#number(index.reduce((row, i, axis) => row * shape[axis] + boundsOf(axis, shape[axis], i)[0], 0));
  }

  /** All numbers, as arrays in arrays. */
  toArray(): Nested {
    const build = (axis: number, row: number): Nested =>
      axis === this.shape.length
        ? this.#number(row)
        : Array.from({ length: this.shape[axis] }, (_, i) => build(axis + 1, row * this.shape[axis] + i));
    return build(0, 0);
  }

  #number(i: number): number {
    const x = this.data[i];
    return this.dtype === "f16" ? f16ToF32(x) : this.dtype === "bf16" ? bf16ToF32(x) : x;
  }

  /** Dtype, shape and numbers; of large tensors the corners. */
  toString(): string {
    return print(this.dtype, this.shape, (i) => this.#number(i));
  }

  /** What Node's REPL and console.log print. */
  [INSPECT](): string {
    return this.toString();
  }
}

/** From where to where a range goes along an axis of d. */
function boundsOf(axis: number, d: number, range: Range): readonly [number, number] {
  const place = (i: number) => (i < 0 ? i + d : i);
  const single = typeof range === "number";
  const from = place(single ? range : (range[0] ?? 0));
  const to = single ? from + 1 : place(range[1] ?? d);
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= d))
    throw new ShapeError({
      what: `axis ${axis} of ${d}`,
      got: range,
      expected: `within ${-d} … ${d - (single ? 1 : 0)}`,
    });
  return [from, to];
}
