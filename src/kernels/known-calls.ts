import { allocMatrix, type PackedMatrix, type PackFormat } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import { allocInt8Rows } from "./int8-rows.ts";
import { type BlockPattern, KV_BLOCK, type KVFormat, type Operations } from "./kernels.ts";
import { allocKVLayer } from "./kv-layer.ts";

/** One small call of an operation, and the bits that it must leave (known-answers.ts). */
export interface KnownAnswer {
  readonly name: string;
  /** {@link bitsOf} what the call has written. */
  readonly bits: number;
  /** Makes the call; returns the places that it has written. */
  run(k: Operations, arena: Arena): Place[];
}

/** What a call has written. */
export type Place = Pick<Tensor, "ptr" | "byteLength">;

// 5 tokens: a tile of 4 and a single one. 11 rows: a block of 8 and a tail. 38 inputs: a group and a tail that is no multiple of 4.
export const [T, N, C] = [5, 11, 38];

/** Numbers from -1 to 1 of `seed`, the same everywhere. */
export function values(seed: number, n: number): Float32Array {
  const out = new Float32Array(n);
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    out[i] = (state >> 8) / 2 ** 23;
  }
  return out;
}

/** The tensor of {@link values}. */
export function input(
  arena: Arena,
  seed: number,
  shape: readonly number[],
  dtype: "f32" | "f16" | "bf16" = "f32",
): Tensor {
  const x = Tensor.alloc(arena, "f32", shape);
  x.f32.set(values(seed, x.size));
  return dtype === "f32" ? x : x.to(dtype);
}

/** The same whose first rows are ±1 throughout, which is the most that int8 rows and weights come to. */
export function extremes(arena: Arena, seed: number, rows: number, cols: number): Tensor {
  const x = input(arena, seed, [rows, cols]);
  const values = x.f32;
  values.fill(1, 0, cols).fill(-1, cols, 2 * cols);
  for (let i = 2 * cols; i < 3 * cols; i++) values[i] = i % 2 ? 1 : -1;
  for (let i = 3 * cols; i < 4 * cols; i++) values[i] = i % 3 ? -1 : 1;
  return x;
}

export const room = (arena: Arena, shape: readonly number[], dtype: DType = "f32"): Tensor =>
  Tensor.alloc(arena, dtype, shape);

/** [N, C] in `format`, by the build's own packRows. */
function matrix(k: Operations, arena: Arena, format: PackFormat, src = extremes(arena, 1, N, C)): PackedMatrix {
  const packed = allocMatrix(arena, format, N, C);
  k.packRows(packed, 0, src);
  return packed;
}

export function pack(format: PackFormat, dtype: "f32" | "f16" | "bf16", bits: number): KnownAnswer {
  return {
    name: `packRows ${dtype} to ${format}`,
    bits,
    run: (k, arena) => [matrix(k, arena, format, input(arena, 2, [N, C], dtype))],
  };
}

export function linear(format: PackFormat, inputs: "f32" | "int8", bits: number): KnownAnswer {
  return {
    name: `linear ${format} × ${inputs}`,
    bits,
    run(k, arena) {
      const x = extremes(arena, 3, T, C);
      const out = room(arena, [T, N]);
      const w = matrix(k, arena, format);
      if (inputs === "f32") {
        k.linear(out, x, w);
      } else {
        const rows = allocInt8Rows(arena, T, C);
        k.quantizeActivations(rows, x);
        k.linear(out, rows, w);
      }
      return [out];
    },
  };
}

export function read(op: "embed" | "unpackRows", format: PackFormat, bits: number): KnownAnswer {
  return {
    name: `${op} ${format}`,
    bits,
    run(k, arena) {
      const table = matrix(k, arena, format);
      const out = room(arena, [4, C]);
      const ids = room(arena, [4], "i32");
      (ids.data as Int32Array).set([10, 4, 7, 0]);
      if (op === "embed") k.embed(out, ids, table);
      else k.unpackRows(out, table, 7);
      return [out];
    },
  };
}

/** Positions 30 … 34, over the border of two blocks of the cache, of which some heads see one and some both where there is a pattern. */
export function attention(
  name: string,
  format: KVFormat,
  window: number,
  bits: number,
  pattern?: BlockPattern,
): KnownAnswer {
  return {
    name,
    bits,
    run(k, arena) {
      const [H, K, dh, start] = [4, 2, 6, KV_BLOCK - 2];
      const table = room(arena, [2], "i32");
      (table.data as Int32Array).set([1, 0]);
      const cache = allocKVLayer(arena, format, 2, K, dh, table);
      const qkv = input(arena, 7, [T, H + 2 * K, dh]);
      const out = room(arena, [T, H, dh]);
      k.storeKV(cache, input(arena, 5, [start, H + 2 * K, dh]), 0);
      k.storeKV(cache, qkv, start);
      k.attention(out, qkv, cache, start, window, 4, pattern);
      const { scales } = cache;
      return [out, cache.k, cache.v, ...(scales ? [scales.k, scales.v] : [])];
    },
  };
}

/** Rows in, rows out: `call` gets x [T, C] and a place of `shape`. */
export function rows(
  name: string,
  bits: number,
  call: (k: Operations, out: Tensor, x: Tensor, arena: Arena) => void,
  shape: readonly number[] = [T, C],
  dtype: DType = "f32",
): KnownAnswer {
  return {
    name,
    bits,
    run(k, arena) {
      const out = room(arena, shape, dtype);
      call(k, out, input(arena, 8, [T, C]), arena);
      return [out];
    },
  };
}
