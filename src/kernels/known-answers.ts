import { type Int4Layout, int4Shape } from "../quant/int4/index.ts";
import { writeScales } from "../quant/int4/scales.ts";
import { allocMatrix, type PackedMatrix, type WeightFormat } from "../quant/packed-matrix.ts";
import { Arena } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import { allocInt8Rows } from "./int8-rows.ts";
import { KV_BLOCK, type KVFormat, type Operations } from "./kernels.ts";
import { allocKVLayer } from "./kv-layer.ts";

/**
 * Known answers: one small call of every operation, at sizes with tails, and the bits that it must leave. They are asked of a WASM build
 * right after its first instantiation, so that the engine's baseline compiler answers, before the build is chosen: a fault of an
 * engine's compiler or a damaged module would otherwise be wrong text, with no error anywhere. Node 20's baseline compiler, for one, gets
 * i32x4.relaxed_dot_i8x16_i7x16_add_s wrong and its optimizing one right.
 *
 * The bits are those of every build; test/kernels/known-answers.test.ts holds them against the reference kernels, and prints new ones
 * where an operation's numbers are meant to change. Letters as in kernels.ts.
 */
export interface KnownAnswer {
  readonly name: string;
  /** {@link bitsOf} what the call has written. */
  readonly bits: number;
  /** Makes the call; returns the places that it has written. */
  run(k: Operations, arena: Arena): Place[];
}

type Place = Pick<Tensor, "ptr" | "byteLength">;

/** Bytes of the arena that a call works in. */
const ROOM = 65536;

// 5 tokens: a tile of 4 and a single one. 11 rows: a block of 8 and a tail. 38 inputs: a group and a tail that is no multiple of 4.
const [T, N, C] = [5, 11, 38];

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
function input(arena: Arena, seed: number, shape: readonly number[], dtype: "f32" | "f16" | "bf16" = "f32"): Tensor {
  const x = Tensor.alloc(arena, "f32", shape);
  x.f32.set(values(seed, x.size));
  return dtype === "f32" ? x : x.to(dtype);
}

/** The same whose first rows are ±1 throughout, which is the most that int8 rows and weights come to. */
function extremes(arena: Arena, seed: number, rows: number, cols: number): Tensor {
  const x = input(arena, seed, [rows, cols]);
  const values = x.f32;
  values.fill(1, 0, cols).fill(-1, cols, 2 * cols);
  for (let i = 2 * cols; i < 3 * cols; i++) values[i] = i % 2 ? 1 : -1;
  for (let i = 3 * cols; i < 4 * cols; i++) values[i] = i % 3 ? -1 : 1;
  return x;
}

const room = (arena: Arena, shape: readonly number[], dtype: DType = "f32"): Tensor =>
  Tensor.alloc(arena, dtype, shape);

/** [N, C] in `format`, by the build's own packRows. */
function matrix(k: Operations, arena: Arena, format: WeightFormat, src = extremes(arena, 1, N, C)): PackedMatrix {
  const packed = allocMatrix(arena, format, N, C);
  k.packRows(packed, 0, src);
  return packed;
}

function pack(format: WeightFormat, dtype: "f32" | "f16" | "bf16", bits: number): KnownAnswer {
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
function linearInt4(inputs: "f32" | "int8", bits: number): KnownAnswer {
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

function repackInt4(layout: Int4Layout, ordered: boolean, bits: number): KnownAnswer {
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

function linear(format: WeightFormat, inputs: "f32" | "int8", bits: number): KnownAnswer {
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
function repack(format: "q8" | "q4", bits: number): KnownAnswer {
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

function read(op: "embed" | "unpackRows", format: WeightFormat, bits: number): KnownAnswer {
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

/** Positions 30 … 34, over the border of two blocks of the cache. */
function attention(name: string, format: KVFormat, window: number, bits: number): KnownAnswer {
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
      k.attention(out, qkv, cache, start, window, 4);
      const { scales } = cache;
      return [out, cache.k, cache.v, ...(scales ? [scales.k, scales.v] : [])];
    },
  };
}

/** Rows in, rows out: `call` gets x [T, C] and a place of `shape`. */
function rows(
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

export const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  pack("f32", "f16", 0xa3c0ed74),
  pack("f32", "bf16", 0x7d18a4b9),
  pack("q8", "f32", 0xfc92f13f),
  pack("q8", "bf16", 0x15954505),
  pack("q4", "f32", 0x0e8bcf40),
  pack("q4", "f16", 0x2d6647a2),
  repack("q8", 0x44350fa3),
  repack("q4", 0xa81a1c36),
  read("unpackRows", "f32", 0x63086772),
  read("unpackRows", "q8", 0x693efa76),
  read("unpackRows", "q4", 0x6c3794b6),
  read("embed", "f32", 0x82d98008),
  read("embed", "q8", 0x04d69ab3),
  read("embed", "q4", 0xcfbb7578),
  {
    name: "quantizeActivations",
    bits: 0x373f504d,
    run(k, arena) {
      const out = allocInt8Rows(arena, T, C);
      k.quantizeActivations(out, extremes(arena, 3, T, C));
      return [out.q, out.scale, out.offset, out.pairs];
    },
  },
  linear("f32", "f32", 0x54ca901d),
  linear("q8", "f32", 0xfddbec28),
  linear("q4", "f32", 0x9bc3f1bb),
  linear("q8", "int8", 0xc21fcd69),
  linear("q4", "int8", 0xae421e35),
  linearInt4("f32", 0x58946081),
  linearInt4("int8", 0x73724845),
  repackInt4("gptq", false, 0x02bef10c),
  repackInt4("gptq", true, 0xbe186be1),
  repackInt4("awq", false, 0x2417ac9e),
  repackInt4("pack-quantized", false, 0xc5ce6cd4),
  rows("rmsnorm", 0x74e5935b, (k, out, x, arena) => k.rmsnorm(out, x, input(arena, 9, [C]), 1e-5)),
  rows("layernorm", 0xc33e1611, (k, out, x, arena) =>
    k.layernorm(out, x, input(arena, 9, [C]), input(arena, 10, [C]), 1e-5),
  ),
  {
    name: "rope",
    bits: 0x34aba656,
    run(k, arena) {
      const x = input(arena, 11, [T, 3, 14]);
      k.rope(x, 2, input(arena, 12, [T, 5]), input(arena, 13, [T, 5]));
      return [x];
    },
  },
  attention("storeKV and attention", "f32", 0, 0xde1b0400),
  attention("storeKV and attention, window 9", "f32", 9, 0x7cd52a02),
  attention("storeKV and attention, int8", "int8", 0, 0x481a7dc4),
  attention("storeKV and attention, int8, window 9", "int8", 9, 0xeca7fe7f),
  rows("softmax", 0xe48347b0, (k, out, x) => k.softmax(out, x)),
  rows("add", 0xad964487, (k, out, x, arena) => k.add(out, x, input(arena, 9, [T, C]))),
  rows("addBias", 0x1e42ff93, (k, out, x, arena) => k.addBias(out, x, input(arena, 9, [C]))),
  rows("addRows", 0x4fa243cc, (k, out, x, arena) => {
    const ids = room(arena, [T], "i32");
    (ids.data as Int32Array).set([3, 0, 3, 4, 1]);
    k.add(out, x, x);
    k.addRows(out, ids, x, input(arena, 9, [T]));
  }),
  rows("permute", 0x62977853, (k, out, x, arena) => {
    const order = room(arena, [C], "i32");
    for (let i = 0; i < C; i++) order.data[i] = (i * 11) % C;
    k.permute(out, x, order);
  }),
  rows("swiglu", 0x08092d81, (k, out, x) => k.swiglu(out, x), [T, C / 2]),
  rows("gelu tanh", 0x367adf8f, (k, out, x) => k.gelu(out, x, "tanh")),
  rows("gelu erf", 0xa349b217, (k, out, x) => k.gelu(out, x, "erf")),
  rows("argmax", 0x9db5e910, (k, out, x) => k.argmax(out, x), [T], "i32"),
  rows("topk", 0xb27840b7, (k, out, x, arena) => k.topk(out, room(arena, [T, 5]), x), [T, 5], "i32"),
];

/** A hash of 32 bits of the words at `places`. */
export function bitsOf(places: readonly Place[], arena: Arena): number {
  let h = 0x811c9dc5 | 0;
  for (const { ptr, byteLength } of places) {
    const words = new Int32Array(arena.buffer, ptr, byteLength >> 2);
    for (let i = 0; i < words.length; i++) {
      h = Math.imul(h ^ words[i], 0x01000193);
      h ^= h >>> 15;
    }
  }
  return h >>> 0;
}

/**
 * The names of the operations that do not give their known answers.
 * @param bind the operations on an arena, unchecked
 * @param shared whether they are asked in shared memory
 */
export function wrongAnswers(bind: (arena: Arena) => Operations, shared = false): string[] {
  const arena = new Arena(ROOM, { name: "known answers", shared });
  const ops = bind(arena);
  const mark = arena.mark();
  return KNOWN_ANSWERS.filter(({ bits, run }) => {
    arena.release(mark);
    new Uint8Array(arena.buffer, mark).fill(0);
    try {
      return bitsOf(run(ops, arena), arena) !== bits;
    } catch {
      return true;
    }
  }).map(({ name }) => name);
}
