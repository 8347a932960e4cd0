import { dequantizeBF16, dequantizeF16, dequantizeF32 } from "./floats.ts";
import { dequantizeIQ4_NL } from "./iq4_nl.ts";
import { dequantizeIQ4_XS } from "./iq4_xs.ts";
import { dequantizeQ2_K } from "./q2_k.ts";
import { dequantizeQ3_K } from "./q3_k.ts";
import { dequantizeQ4_0 } from "./q4_0.ts";
import { dequantizeQ4_1 } from "./q4_1.ts";
import { dequantizeQ4_K } from "./q4_k.ts";
import { dequantizeQ5_0 } from "./q5_0.ts";
import { dequantizeQ5_1 } from "./q5_1.ts";
import { dequantizeQ5_K } from "./q5_k.ts";
import { dequantizeQ6_K } from "./q6_k.ts";
import { dequantizeQ8_0 } from "./q8_0.ts";
import { GGML_TYPES, type GgmlType } from "./types.ts";

export { GGML_TYPES, type GgmlType } from "./types.ts";

/** Writes the weights of one block as float32 to `out` from index `at`, of the block at byte `from` of `src`. */
type Dequantize = (out: Float32Array, at: number, src: Uint8Array, from: number) => void;

const DEQUANTIZE = {
  F32: dequantizeF32,
  F16: dequantizeF16,
  BF16: dequantizeBF16,
  Q4_0: dequantizeQ4_0,
  Q4_1: dequantizeQ4_1,
  Q5_0: dequantizeQ5_0,
  Q5_1: dequantizeQ5_1,
  Q8_0: dequantizeQ8_0,
  Q2_K: dequantizeQ2_K,
  Q3_K: dequantizeQ3_K,
  Q4_K: dequantizeQ4_K,
  Q5_K: dequantizeQ5_K,
  Q6_K: dequantizeQ6_K,
  IQ4_NL: dequantizeIQ4_NL,
  IQ4_XS: dequantizeIQ4_XS,
} as const satisfies Partial<Record<GgmlType, Dequantize>>;

/** Formats of ggml whose weights are read; each has a file with its layout. */
export type GgmlFormat = keyof typeof DEQUANTIZE;

export const GGML_FORMATS = Object.keys(DEQUANTIZE) as GgmlFormat[];

export const isGgmlFormat = (dtype: string): dtype is GgmlFormat => Object.hasOwn(DEQUANTIZE, dtype);

/**
 * Weights of whole blocks as float32, bit for bit what ggml's own definition gives.
 * @param src the blocks, at any alignment
 * @param out as many elements as the blocks have
 */
export function dequantizeGgml(format: GgmlFormat, src: Uint8Array, out: Float32Array): void {
  const { block, bytes } = GGML_TYPES[format];
  const dequantize: Dequantize = DEQUANTIZE[format];
  for (let at = 0, from = 0; at < out.length; at += block, from += bytes) dequantize(out, at, src, from);
}
