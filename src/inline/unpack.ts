import { FormatError } from "../errors.ts";

/**
 * Bytes out of what scripts/pack.mjs has made of them: a third to a tenth less than DEFLATE would take, for the small things that the library carries
 * in its own code. Simple before fast.
 *
 * Bytes are literals, or copies of bytes that came before. Everything is told by yes and no, each in a context that learns how often it was yes; an
 * arithmetic decoder takes the less room for an answer the more probable it is.
 *
 *     copy?   (after what; the byte before)   no: a literal, 8 answers from its highest bit on (the upper half of the byte before; bits so far)
 *     yes:    the distance of the copy before? (after what)   no: length - 1, and then the distance   yes: the length
 *
 * "After what" is 2 after a copy, 1 after a literal that follows a copy, else 0. Where it is not 0, a literal's answers have a second context, the byte
 * at the last copy's distance, and so has every "copy?" the first half of its context alone: the mean of two counts then.
 * Source: the range coder is that of LZMA (I. Pavlov), as lzma-specification.txt in the LZMA SDK describes it; contexts and numbers are our own.
 */

/** Contexts of numbers: 32 of a number's length in bits, and for each length 8 of its next bits and 32 of those that remain. */
export const NUMBER = 32 + 32 * 8 + 32 * 32;

/** Where contexts of each kind begin. */
export const CONTEXT = {
  literal: 0,
  /** Literals by the byte at the last distance. */
  beside: 16 * 256,
  copy: 16 * 256 + 256 * 256,
  /** "copy?" by the byte before. */
  copyAfter: 16 * 256 + 256 * 256 + 3,
  again: 16 * 256 + 256 * 256 + 3 + 3 * 256,
  length: 16 * 256 + 256 * 256 + 6 + 3 * 256,
  lengthAgain: 16 * 256 + 256 * 256 + 6 + 3 * 256 + NUMBER,
  /** Distances by the length: 2, 3, 4, more. */
  distance: 16 * 256 + 256 * 256 + 6 + 3 * 256 + 2 * NUMBER,
  all: 16 * 256 + 256 * 256 + 6 + 3 * 256 + 6 * NUMBER,
} as const;

/** By how much a context moves towards an answer, in 2^-16: much at first, less after each, and from then on by the last. */
export const RATES = Uint16Array.from({ length: 17 }, (_, n) => 65536 / (n + 1.6));
const LAST_RATE = RATES.length - 1;

const fault = (what: string): FormatError => new FormatError({ what: `packed bytes: ${what}` }, "packed_bytes");

/** What scripts/pack.mjs has made of `size` bytes. */
export interface Packed {
  readonly size: number;
  readonly packed: Uint8Array;
}

/**
 * The bytes that each of `parts` stands for. All but the first were packed to come after those before them: they copy from these, too, and go on with
 * what was learnt.
 * @throws FormatError (code "packed_bytes") for what scripts/pack.mjs did not write
 */
export function unpack(parts: readonly Packed[]): Uint8Array<ArrayBuffer>[] {
  const out = new Uint8Array(parts.reduce((sum, { size }) => sum + size, 0));
  /** The chance of a 0 in each context, in 2^-16, and how many answers it comes from. */
  const chance = new Uint16Array(CONTEXT.all).fill(2 ** 15);
  const seen = new Uint8Array(CONTEXT.all);
  /** Range and code of the decoder: in an array, where engines keep them as they are, 32 bits without a sign. */
  const state = new Uint32Array(2);
  let packed: Uint8Array = new Uint8Array();
  let from = 0; // in packed

  const learn = (context: number, bit: number) => {
    const n = seen[context];
    const p = chance[context];
    // Never 0 or 65535: what is multiplied by the last rate becomes 0 before.
    chance[context] = bit ? p - ((p * RATES[n]) >>> 16) : p + (((65535 - p) * RATES[n]) >>> 16);
    if (n < LAST_RATE) seen[context] = n + 1;
  };
  /** The next answer, in one context or in the mean of two. */
  const answer = (context: number, other: number): number => {
    let range = state[0];
    let code = state[1];
    const bound = (range >>> 16) * ((chance[context] + chance[other]) >>> 1);
    const bit = code < bound ? 0 : 1;
    if (bit) {
      code -= bound;
      range -= bound;
    } else range = bound;
    for (; range < 2 ** 24; range *= 2 ** 8) code = ((code << 8) | packed[from++]) >>> 0;
    state[0] = range;
    state[1] = code;
    learn(context, bit);
    if (other !== context) learn(other, bit);
    return bit;
  };
  const alone = (context: number): number => answer(context, context);
  /** A number from 1 on: how many bits follow its first one, and these. */
  const number = (contexts: number): number => {
    let bits = 0;
    while (alone(contexts + bits)) if (++bits > 24) throw fault("a number that is too large");
    let value = 1;
    for (let i = bits - 1; i >= 0; i--) {
      const context = value < 8 ? 32 + 8 * bits + value : 288 + 32 * bits + i;
      value = (value << 1) | alone(contexts + context);
    }
    return value;
  };

  let after = 0;
  let distance = 0;
  /** Bytes from `at` up to `end`. */
  const fill = (at: number, end: number): void => {
    while (at < end) {
      const before = at > 0 ? out[at - 1] : 0;
      if (!answer(CONTEXT.copy + after, CONTEXT.copyAfter + 256 * after + before)) {
        const literal = CONTEXT.literal + ((before >> 4) << 8);
        const beside = CONTEXT.beside + (out[at - distance] << 8);
        let value = 1;
        while (value < 256) value = (value << 1) | answer(literal + value, (after ? beside : literal) + value);
        out[at++] = value;
        after = after === 2 ? 1 : 0;
        continue;
      }
      const again = alone(CONTEXT.again + after);
      const length = again ? number(CONTEXT.lengthAgain) : number(CONTEXT.length) + 1;
      if (!again) distance = number(CONTEXT.distance + NUMBER * Math.min(length - 2, 3));
      if (distance === 0 || distance > at) throw fault("a copy from before the beginning");
      if (at + length > end) throw fault("more than the bytes that were expected");
      // Byte by byte: a copy may reach into itself, and then repeats.
      for (let left = length; left > 0; left--, at++) out[at] = out[at - distance];
      after = 2;
    }
  };
  let begin = 0;
  return parts.map((part) => {
    const end = begin + part.size;
    packed = part.packed;
    from = 0;
    state[0] = 2 ** 32 - 1;
    for (; from < 4; from++) state[1] = (state[1] << 8) | packed[from];
    fill(begin, end);
    if (from !== packed.length) throw fault("more or fewer of them than were read");
    const bytes = out.subarray(begin, end);
    begin = end;
    return bytes;
  });
}
