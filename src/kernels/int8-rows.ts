import { ShapeError } from "../errors.ts";
import { GROUP, groupsOf } from "../quant/packed-matrix.ts";
import { type Arena, alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Int8Rows } from "./kernels.ts";

/** The number of token t's group g, of `rows` tokens with `groups` groups each: q's values lie from 32 times that, the scale there. */
export function groupAt(rows: number, groups: number, t: number, g: number): number {
  if (t >= rows - (rows % 4)) return t * groups + g;
  return (t - (t % 4)) * groups + 4 * g + (t % 4);
}

/** Bytes that {@link allocInt8Rows} takes. */
export function int8RowsBytes(rows: number, cols: number): number {
  const groups = rows * groupsOf(cols);
  return alignUp(groups * GROUP) + alignUp(groups * 4) + alignUp(groups * 8) + alignUp(groups * GROUP * 2);
}

/**
 * Room for int8 activations of `rows` tokens with `cols` columns; {@link int8Rows} takes fewer of either.
 * @throws MemoryError if the arena is full
 */
export function allocInt8Rows(arena: Arena, rows: number, cols: number): Int8Rows {
  const groups = groupsOf(cols);
  return {
    rows,
    cols,
    q: Tensor.alloc(arena, "i8", [rows, groups * GROUP]),
    scale: Tensor.alloc(arena, "f32", [rows, groups]),
    offset: Tensor.alloc(arena, "i16", [rows, 4 * groups]),
    pairs: Tensor.alloc(arena, "i16", [rows, groups * GROUP]),
  };
}

/**
 * `room` for `rows` tokens with `cols` columns (default: as many as it has), sharing memory, so that one room serves every matrix of a
 * layer, one after the other. With other numbers the tokens lie elsewhere in the same bytes: what was there before is lost.
 * @throws ShapeError if rows × groups do not fit
 */
export function int8Rows(room: Int8Rows, rows: number, cols: number = room.cols): Int8Rows {
  const groups = groupsOf(cols);
  if (!(rows >= 0 && rows * groups <= room.scale.size)) {
    throw new ShapeError({
      what: "int8Rows: rows × groups of 32",
      got: `${rows} × ${groups}`,
      expected: `at most ${room.scale.size}`,
    });
  }
  const view = (t: Tensor, width: number) => new Tensor(t.arena, t.ptr, t.dtype, [rows, width]);
  return {
    rows,
    cols,
    q: view(room.q, groups * GROUP),
    scale: view(room.scale, groups),
    offset: view(room.offset, 4 * groups),
    pairs: view(room.pairs, groups * GROUP),
  };
}
