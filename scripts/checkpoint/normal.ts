import { erfc, exp } from "../../src/math/index.ts";
import { type DType, fromF32, type TypedArray } from "../../src/tensor/index.ts";

/** Element types of a synthetic checkpoint. */
export type WeightDType = "bf16" | "f16" | "f32";

const LEVELS = 65536;

/**
 * Normally distributed weights at disk speed: the 65536 quantiles (i + ½)/65536 of the distribution stand in a table in the file's own
 * element type, and 16 random bits choose one. Mean 0; the largest value is 4.3 standard deviations.
 */
export class NormalWeights {
  readonly dtype: WeightDType;
  #table: TypedArray;

  constructor(dtype: WeightDType, std: number) {
    this.dtype = dtype;
    const values = quantiles().map((z) => z * std);
    this.#table = dtype === "f32" ? values : new Uint16Array(LEVELS);
    if (dtype !== "f32") fromF32(dtype as DType, values, this.#table);
  }

  /**
   * `bytes` bytes of weights in pieces of at most 4 MiB; the same buffer is filled again for each piece.
   * @param seed gives the same pieces on every engine
   */
  *pieces(bytes: number, seed: number): Generator<Uint8Array> {
    const room = new Uint8Array(Math.min(bytes, 1 << 22));
    const next = xorshift128(seed);
    for (let at = 0; at < bytes; at += room.length) {
      const piece = room.subarray(0, Math.min(room.length, bytes - at));
      this.#fill(piece, next);
      yield piece;
    }
  }

  #fill(piece: Uint8Array, next: () => number): void {
    const table = this.#table;
    const Words = this.dtype === "f32" ? Float32Array : Uint16Array;
    const out = new Words(piece.buffer as ArrayBuffer, 0, piece.length / Words.BYTES_PER_ELEMENT);
    const even = out.length & ~1;
    for (let i = 0; i < even; i += 2) {
      const r = next();
      out[i] = table[r & 0xffff];
      out[i + 1] = table[r >>> 16];
    }
    if (even < out.length) out[even] = table[next() & 0xffff];
  }
}

/** z with Φ(z) = (i + ½)/65536, by Newton's method from each quantile to the next (Φ is concave above 0, so it never overshoots). */
function quantiles(): Float32Array {
  const out = new Float32Array(LEVELS);
  const half = LEVELS / 2;
  let z = 0;
  for (let i = half; i < LEVELS; i++) {
    const tail = 1 - (i + 0.5) / LEVELS;
    for (let step = 0; step < 8; step++) {
      const above = 0.5 * erfc(z * Math.SQRT1_2);
      const density = 0.3989422804014327 * exp(-0.5 * z * z);
      z += (above - tail) / density;
    }
    out[i] = z;
    out[LEVELS - 1 - i] = -z;
  }
  return out;
}

/** 32 random bits at a time (Marsaglia, "Xorshift RNGs", 2003). */
export function xorshift128(seed: number): () => number {
  let [x, y, z, w] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, seed | 0].map((c) => mix(c ^ seed) | 1);
  const next = () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A seed of its own for each tensor. */
export function seedOf(seed: number, name: string): number {
  let h = mix(seed + 1);
  for (let i = 0; i < name.length; i++) h = mix(Math.imul(h, 31) + name.charCodeAt(i));
  return h;
}
