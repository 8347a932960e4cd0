import { type Int4Layout, int4Shape } from "../quant/int4/index.ts";
import { writeScales } from "../quant/int4/scales.ts";
import { allocMatrix, K_LAYOUT, type KFormat, type PackedMatrix, type WeightFormat } from "../quant/packed-matrix.ts";
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
function values(seed: number, n: number): Float32Array {
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
function matrix(k: Operations, arena: Arena, format: WeightFormat, src = extremes(arena, 1, N, C)): PackedMatrix {
  const packed = allocMatrix(arena, format, N, C);
  k.packRows(packed, 0, src);
  return packed;
}

export function pack(format: WeightFormat, dtype: "f32" | "f16" | "bf16", bits: number): KnownAnswer {
  return {
    name: `packRows ${dtype} to ${format}`,
    bits,
    run: (k, arena) => [matrix(k, arena, format, input(arena, 2, [N, C], dtype))],
  };
}

/** A q4z matrix [16, 64] of words that are laid out so, whose zero points and scales are any: of the build's own nibbles. */
function int4(k: Operations, arena: Arena, layout: Int4Layout, places?: Tensor): PackedMatrix {
  const size = [16, 64] as const;
  const packed = allocMatrix(arena, "q4z", ...size);
  const src = room(arena, int4Shape(layout, size), "i32");
  (src.data as Int32Array).set(values(14, src.size).map((v) => v * 2 ** 31));
  const zeros = Uint8Array.from(values(15, 32), (v) => Math.abs(v) * 16);
  writeScales(packed, [1, 0], new Uint16Array(32).fill(0x2c00), zeros);
  k.repackInt4(packed, layout, 0, src, places);
  return packed;
}

/** Of float32 or int8 inputs [5, 64], with inputs ±1 throughout among them; and the matrix's rows as float32. */
export function linearInt4(inputs: "f32" | "int8", bits: number): KnownAnswer {
  return {
    name: `linear q4z × ${inputs}`,
    bits,
    run(k, arena) {
      const w = int4(k, arena, "gptq");
      const x = extremes(arena, 3, T, 64);
      const out = room(arena, [T, 16]);
      const unpacked = room(arena, [3, 64]);
      k.unpackRows(unpacked, w, 6);
      const rows = allocInt8Rows(arena, T, 64);
      k.quantizeActivations(rows, x);
      k.linear(out, inputs === "f32" ? x : rows, w);
      return [out, unpacked];
    },
  };
}

export function repackInt4(layout: Int4Layout, ordered: boolean, bits: number): KnownAnswer {
  return {
    name: `repackInt4 of ${layout}${ordered ? ", places" : ""}`,
    bits,
    run(k, arena) {
      const places = room(arena, [64], "i32");
      for (let i = 0; i < 64; i++) places.data[i] = (i * 23) % 64;
      return [int4(k, arena, layout, ordered ? places : undefined)];
    },
  };
}

export function linear(format: WeightFormat, inputs: "f32" | "int8", bits: number): KnownAnswer {
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

/** Rows `from` … of ggml's blocks of 34 (q8_0) or 18 (q4_0) bytes: an f16 scale, then any bytes. */
export function repack(format: "q8" | "q4", bits: number): KnownAnswer {
  return {
    name: `repackRows to ${format}`,
    bits,
    run(k, arena) {
      const packed = allocMatrix(arena, format, N, 64);
      const src = room(arena, [N, 2 * (format === "q8" ? 34 : 18)], "u8");
      (src.data as Uint8Array).set(values(4, src.size).map((v) => Math.abs(v) * 100));
      k.repackRows(packed, 0, src);
      return [packed];
    },
  };
}

/** Rows of ggml's blocks of so many bytes, whose f16 scales are at `scales`, as a matrix [N, 256] of a K-format. */
function blocks(k: Operations, arena: Arena, format: KFormat, bytes: number, scales: readonly number[]): PackedMatrix {
  const src = room(arena, [N, (256 / K_LAYOUT[format].span) * bytes], "u8");
  const data = src.data as Uint8Array;
  data.set(values(4, src.size).map((v) => Math.abs(v) * 255));
  for (let i = 0; i < src.size; i += bytes) for (const at of scales) data[i + at + 1] = 0x1c + ((i / bytes) & 1) * 0x80;
  const packed = allocMatrix(arena, format, N, 256);
  k.repackRows(packed, 0, src);
  return packed;
}

/** A K-format in all that it is read by. */
export function kFormat(format: KFormat, bytes: number, scales: readonly number[], bits: number): KnownAnswer {
  return {
    name: `linear, unpackRows and embed ${format}`,
    bits,
    run(k, arena) {
      const w = blocks(k, arena, format, bytes, scales);
      const x = extremes(arena, 3, T, 256);
      const rows = allocInt8Rows(arena, T, 256);
      k.quantizeActivations(rows, x);
      const outs = [room(arena, [T, N]), room(arena, [T, N]), room(arena, [3, 256]), room(arena, [2, 256])];
      k.linear(outs[0], rows, w);
      k.linear(outs[1], x, w);
      k.unpackRows(outs[2], w, 7);
      const ids = room(arena, [2], "i32");
      (ids.data as Int32Array).set([10, 3]);
      k.embed(outs[3], ids, w);
      return outs;
    },
  };
}

export function read(op: "embed" | "unpackRows", format: WeightFormat, bits: number): KnownAnswer {
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
