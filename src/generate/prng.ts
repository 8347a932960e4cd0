/**
 * xoshiro128**, a generator of 32-bit integers with 128 bits of state: the same numbers on every engine.
 * Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators" (2018).
 */
export class Prng {
  readonly #s: Uint32Array;

  /** @param state four 32-bit words, not all zero */
  constructor(state: ArrayLike<number>) {
    this.#s = Uint32Array.from(state);
  }

  /**
   * A generator whose state is spread from `seed`, an integer from 0 to 2^53 - 1, by the finalizer of MurmurHash3: the first word is the
   * mixed lower half, each further word mixes the one before it with the upper half or a constant. Different seeds
   * give different states, since the first two words determine the seed.
   */
  static fromSeed(seed: number): Prng {
    const low = seed >>> 0;
    const high = Math.floor(seed / 4294967296) >>> 0;
    const a = mix(low + 0x9e3779b9);
    const b = mix(a ^ mix(high + 0x3c6ef372));
    const c = mix(b + 0xdaa66d2b);
    return new Prng([a, b, c, mix(c + 0x78dde6e4)]);
  }

  /** The next 32 bits, as an integer from 0 to 2^32 - 1. */
  nextInt(): number {
    const s = this.#s;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** The next number in [0, 1): a multiple of 2^-53, made of the upper 27 and 26 bits of two integers. */
  next(): number {
    const high = this.nextInt() >>> 5;
    const low = this.nextInt() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** MurmurHash3's 32-bit finalizer, a bijection. */
function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  x ^= x >>> 16;
  return x >>> 0;
}

/** A fresh seed from the engine's own randomness, for a caller who gave none: an integer from 0 to 2^32 - 1. */
export function randomSeed(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0];
}
