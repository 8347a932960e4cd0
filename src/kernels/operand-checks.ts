import { ShapeError } from "../errors.ts";
import { show } from "../message.ts";
import { GROUP, groupsOf, type PackedMatrix, ROWS } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Int8Rows, KV_BLOCK, type KVLayer } from "./kernels.ts";
import { INT8_HEAD_DIMS, int8Shape, paddedHead } from "./kv-layer.ts";

const F32: readonly DType[] = ["f32"];

function fits(got: readonly number[], shape: readonly number[]): boolean {
  if (got.length !== shape.length) return false;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] < 0 ? got[i] < -shape[i] : got[i] !== shape[i]) return false;
  }
  return true;
}

/** The checks that operations of `arena` share; each throws a ShapeError that names operation and operand. */
export function operandChecks(arena: Arena) {
  const here = (op: string, name: string, owner: Arena) => {
    if (owner !== arena)
      throw new ShapeError({ what: `${op}: ${name} lies in another arena`, got: owner.name, expected: arena.name });
  };
  /** Checks one operand; a negative number in `shape` stands for "at least its absolute value". */
  const is = (op: string, name: string, t: Tensor, shape: readonly number[], dtypes: readonly DType[] = F32) => {
    here(op, name, t.arena);
    if (fits(t.shape, shape) && dtypes.includes(t.dtype)) return;
    const got = `${t.dtype} [${t.shape.join(", ")}]`;
    const want = `${dtypes.join(" or ")} [${shape.map((d) => (d < 0 ? `≥ ${-d}` : d)).join(", ")}]`;
    throw new ShapeError({ what: `${op}: ${name} is ${got}, should be ${want}` });
  };
  const rank = (op: string, name: string, t: Tensor, n: number) => {
    if (t.shape.length !== n) throw new ShapeError({ what: `${op}: ${name} should have ${n} axes`, got: t.shape });
    return t.shape;
  };
  /** Rows and caches that were found right: nothing of them changes, and every layer brings them again. */
  const knownRows = new WeakSet<Int8Rows>();
  const knownCaches = new WeakMap<KVLayer, number>();
  const int8 = (op: string, x: Int8Rows) => {
    if (knownRows.has(x)) return;
    const groups = groupsOf(x.cols);
    is(op, "int8 rows' q", x.q, [-x.rows, groups * GROUP], ["i8"]);
    is(op, "int8 rows' scale", x.scale, [-x.rows, groups]);
    is(op, "int8 rows' offset", x.offset, [-x.rows, 4 * groups], ["i16"]);
    is(op, "int8 rows' pairs", x.pairs, [-x.rows, groups * GROUP], ["i16"]);
    knownRows.add(x);
  };
  const cache = (op: string, kv: KVLayer, K: number, dh: number, start: number, T: number) => {
    if (!(Number.isInteger(start) && start >= 0))
      throw new ShapeError({ what: `${op}: start`, got: start, expected: "an integer, 0 or more" });
    is(op, "cache.table", kv.table, [-Math.ceil((start + T) / KV_BLOCK)], ["i32"]);
    if (knownCaches.get(kv) === dh) return;
    const blocks = kv.k.shape[1];
    if (kv.scales) {
      is(op, "cache.k", kv.k, int8Shape(K, blocks, KV_BLOCK, paddedHead(dh)), ["i8"]);
      is(op, "cache.v", kv.v, int8Shape(K, blocks, paddedHead(dh), KV_BLOCK), ["i8"]);
      is(op, "cache.scales.k", kv.scales.k, [K, blocks, KV_BLOCK]);
      is(op, "cache.scales.v", kv.scales.v, [K, blocks, KV_BLOCK]);
      if (dh > INT8_HEAD_DIMS)
        throw new ShapeError({ what: `${op}: head dims of int8 keys`, got: dh, expected: `at most ${INT8_HEAD_DIMS}` });
    } else {
      is(op, "cache.k", kv.k, [K, blocks, KV_BLOCK, dh]);
      is(op, "cache.v", kv.v, [K, blocks, KV_BLOCK, dh]);
    }
    knownCaches.set(kv, dh);
  };
  const block = (op: string, m: PackedMatrix, row: number, n: number, aligned: boolean) => {
    here(op, "the matrix", m.arena);
    if (m.slices) throw new ShapeError({ what: `${op}: rows of several formats; it takes one of the slices` });
    const ends = row + n === m.rows || n % ROWS === 0 || !aligned;
    if (row >= 0 && row + n <= m.rows && ends && (row % ROWS === 0 || !aligned)) return;
    const what = `${op}: rows ${row} to ${row + n} of ${m.rows}${aligned ? `, in blocks of ${ROWS}` : ""}`;
    throw new ShapeError({ what });
  };
  const inRows = (op: string, ids: Tensor, rows: number) => {
    for (const id of ids.data) {
      if (id < 0 || id >= rows)
        throw new ShapeError({ what: `${op}: no such row`, got: id, expected: `0 … ${rows - 1}` });
    }
  };
  const within = (op: string, name: string, from: number, count: number, all: number) => {
    if (Number.isInteger(from) && from >= 0 && from + count <= all) return;
    throw new ShapeError({ what: `${op}: ${name}`, got: `${from} to ${from + count}`, expected: `within ${all}` });
  };
  const epsilon = (op: string, eps: number) => {
    if (!(eps >= 0 && eps < Infinity))
      throw new ShapeError({ what: `${op}: eps`, got: eps, expected: "a number from 0" });
  };
  const positive = (op: string, name: string, value: number) => {
    if (!(value > 0)) throw new ShapeError({ what: `${op}: ${name} should be above 0, is ${show(value)}` });
  };

  return { here, is, rank, int8, cache, block, inRows, within, epsilon, positive };
}
