import { Arena } from "../tensor/arena.ts";
import { allocInt8Rows } from "./int8-rows.ts";
import type { Operations } from "./kernels.ts";
import {
  attention,
  C,
  extremes,
  input,
  type KnownAnswer,
  linear,
  type Place,
  pack,
  read,
  rows,
  T,
} from "./known-calls.ts";

/** Bytes of the arena that a call works in. */
const ROOM = 65536;

/**
 * Known answers: one small call of every operation, at sizes with tails, and the bits that it must leave; here of those that the decoder of
 * phi3 calls, in rest-answers.ts of the rest. They are asked of a WASM build right after its first instantiation, so that the engine's
 * baseline compiler answers, before the build is chosen: a fault of an engine's compiler or a damaged module would otherwise be wrong text,
 * with no error anywhere. Node 20's baseline compiler, for one, gets i32x4.relaxed_dot_i8x16_i7x16_add_s wrong and its optimizing one right.
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
  rows("rmsnorm", 0x74e5935b, (k, out, x, arena) => k.rmsnorm(out, x, input(arena, 9, [C]), 1e-5)),
  {
    name: "rope",
    bits: 0x34aba656,
    run(k, arena) {
      const x = input(arena, 11, [T, 3, 14]);
      k.rope(x, 2, input(arena, 12, [T, 5]), input(arena, 13, [T, 5]));
      return [x];
    },
  },
  attention("storeKV and attention", "f32", 0, 0x30c25f33),
  attention("storeKV and attention, window 9", "f32", 9, 0xc71dcb31),
  attention("storeKV and attention, int8", "int8", 0, 0xd9a3ab5c),
  attention("storeKV and attention, int8, window 9", "int8", 9, 0x21422995),
  rows("add", 0xad964487, (k, out, x, arena) => k.add(out, x, input(arena, 9, [T, C]))),
  rows("swiglu", 0x08092d81, (k, out, x) => k.swiglu(out, x), [T, C / 2]),
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
export function wrongAnswers(
  answers: readonly KnownAnswer[],
  bind: (arena: Arena) => Operations,
  shared = false,
): string[] {
  const arena = new Arena(ROOM, { name: "known answers", shared });
  const ops = bind(arena);
  const mark = arena.mark();
  return answers
    .filter(({ bits, run }) => {
      arena.release(mark);
      new Uint8Array(arena.buffer, mark).fill(0);
      try {
        return bitsOf(run(ops, arena), arena) !== bits;
      } catch {
        return true;
      }
    })
    .map(({ name }) => name);
}
