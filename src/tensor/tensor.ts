import { ShapeError } from "../errors.ts";
import type { Arena } from "./arena.ts";
import { BYTES, type DType, type TypedArray, viewOf } from "./dtype.ts";

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/**
 * A tensor is a dtype, a shape and a place in an arena; elements lie one after the other, the last axis fastest. It owns nothing: the
 * arena does. Views (`rows`, `reshape`) share the bytes.
 */
export class Tensor {
  readonly arena: Arena;
  /** Byte offset of the first element in `arena.buffer`. */
  readonly ptr: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  #view: TypedArray | undefined;

  constructor(arena: Arena, ptr: number, dtype: DType, shape: readonly number[]) {
    this.arena = arena;
    this.ptr = ptr;
    this.dtype = dtype;
    this.shape = shape;
  }

  /** A tensor at a fresh place (a multiple of 64 bytes) in `arena`. @throws MemoryError if the arena is full */
  static alloc(arena: Arena, dtype: DType, shape: readonly number[]): Tensor {
    return new Tensor(arena, arena.alloc(Tensor.bytes(dtype, shape)), dtype, shape);
  }

  /** Bytes that such a tensor takes (an arena pads it to a multiple of 64). */
  static bytes(dtype: DType, shape: readonly number[]): number {
    return sizeOf(shape) * BYTES[dtype];
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  get byteLength(): number {
    return this.size * BYTES[this.dtype];
  }

  /** The elements as JavaScript sees them, sharing memory; f16 and bf16 as their 16 bits. */
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

  /** The same elements in another shape, sharing memory. @throws ShapeError if the number of elements differs */
  reshape(shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== this.size)
      throw new ShapeError({ what: "reshape changes the number of elements", got: shape, expected: this.shape });
    return new Tensor(this.arena, this.ptr, this.dtype, shape);
  }
}
