/** How checkpoints of int4 weights with scales and zero points lay them out: one file per layout, as definitions. */
import { awqNibble } from "./awq.ts";
import { gptqNibble } from "./gptq.ts";
import { packedNibble } from "./pack-quantized.ts";

export { awqZero } from "./awq.ts";
export { gptqZero } from "./gptq.ts";
export { packedZero } from "./pack-quantized.ts";

/** Which words of 32 bits hold which weights. */
export type Int4Layout = "gptq" | "awq" | "pack-quantized";

/** Nibble of weight (output, input) of a matrix [N, C] in the words of a whole tensor. */
export function int4Nibble(
  layout: Int4Layout,
  words: ArrayLike<number>,
  [N, C]: readonly [N: number, C: number],
  output: number,
  input: number,
): number {
  if (layout === "gptq") return gptqNibble(words, N, output, input);
  if (layout === "awq") return awqNibble(words, N, output, input);
  return packedNibble(words, C, output, input);
}

/** Shape of the tensor of words of a matrix [N, C]. */
export function int4Shape(layout: Int4Layout, [N, C]: readonly [N: number, C: number]): [number, number] {
  if (layout === "gptq") return [C / 8, N];
  return layout === "awq" ? [C, N / 8] : [N, Math.ceil(C / 8)];
}
