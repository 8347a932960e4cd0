import { Arena } from "../tensor/arena.ts";
import { allocInt8Rows } from "./int8-rows.ts";
import type { Operations } from "./kernels.ts";
import {
  attention,
  C,
  extremes,
  input,
  type KnownAnswer,
  kFormat,
  linear,
  linearInt4,
  N,
  type Place,
  pack,
  read,
  repack,
  repackInt4,
  room,
  rows,
  T,
} from "./known-calls.ts";
import { allocLowRank, writeLowRank } from "./low-rank.ts";

/** Bytes of the arena that a call works in. */
const ROOM = 65536;

/** Of two blocks, only head 2 sees the one before its own. */
const STRIPES = { size: 32, local: 1, stride: 3, step: 1 };

/**
 * Known answers: one small call of every operation, at sizes with tails, and the bits that it must leave. They are asked of a WASM build
 * right after its first instantiation, so that the engine's baseline compiler answers, before the build is chosen: a fault of an
 * engine's compiler or a damaged module would otherwise be wrong text, with no error anywhere. Node 20's baseline compiler, for one, gets
 * i32x4.relaxed_dot_i8x16_i7x16_add_s wrong and its optimizing one right.
 *
 * The bits are those of every build; test/kernels/known-answers.test.ts holds them against the reference kernels, and prints new ones
 * where an operation's numbers are meant to change. Letters as in kernels.ts.
 */
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
    bits: 0x18ed0d55,
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
  repackInt4("gptq", false, 0x1a396b68),
  repackInt4("gptq", true, 0xbd9ff666),
  repackInt4("awq", false, 0xbe1cb42a),
  repackInt4("pack-quantized", false, 0x5a7b37f0),
  kFormat("q4k", 144, [0, 2], 0x7c5d6d62),
  kFormat("q5k", 176, [0, 2], 0xb8503c36),
  kFormat("q6k", 210, [208], 0x9343c61b),
  kFormat("q2k", 84, [80, 82], 0x9781e2dc),
  kFormat("q4x", 136, [0], 0xe3f91b1e),
  kFormat("q4m", 20, [0, 2], 0xc6018949),
  kFormat("q5m", 24, [0, 2], 0x05f41b23),
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
  attention("storeKV and attention, block-sparse", "f32", 0, 0x0183ce3d, STRIPES),
  attention("storeKV and attention, int8, block-sparse", "int8", 0, 0xa4dec45e, STRIPES),
  rows("softmax", 0xe48347b0, (k, out, x) => k.softmax(out, x)),
  rows("add", 0xad964487, (k, out, x, arena) => k.add(out, x, input(arena, 9, [T, C]))),
  rows("addBias", 0x1e42ff93, (k, out, x, arena) => k.addBias(out, x, input(arena, 9, [C]))),
  rows("addRows", 0x4fa243cc, (k, out, x, arena) => {
    const ids = room(arena, [T], "i32");
    (ids.data as Int32Array).set([3, 0, 3, 4, 1]);
    k.add(out, x, x);
    k.addRows(out, ids, x, input(arena, 9, [T]));
  }),
  rows("addLowRank", 0xaede32e8, (k, out, x, arena) => {
    const b = allocLowRank(arena, N, 6);
    writeLowRank(b, 0, input(arena, 9, [N, 6]).f32);
    k.addLowRank(out, 3, x, 5, b, 0.7);
  }),
  rows("permute", 0x62977853, (k, out, x, arena) => {
    const order = room(arena, [C], "i32");
    for (let i = 0; i < C; i++) order.data[i] = (i * 11) % C;
    k.permute(out, x, order);
  }),
  rows("swiglu", 0x08092d81, (k, out, x) => k.swiglu(out, x), [T, C / 2]),
  rows("geglu", 0x5f1360f1, (k, out, x) => k.geglu(out, x, 0.5), [T, C / 2]),
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
