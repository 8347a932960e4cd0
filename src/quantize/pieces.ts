import type { Notice } from "../errors.ts";
import type { WeightSpec } from "../model/weights.ts";
import { type PackedMatrix, packedBytes } from "../quant/packed-matrix.ts";
import type { Kept } from "./kept.ts";

/** Names of kept pieces: the matrices of a layer, packed, one after the other; and the output layer's. */
export const layerPiece = (layer: number): string => `layer-${String(layer).padStart(4, "0")}`;
export const HEAD_PIECE = "head";

/** Of a layer with matrices that saw too few tokens, their names as JSON. */
export const fewPiece = (layer: number): string => `${layerPiece(layer)}-few`;

/** The matrix of the output layer: the embedding where they are tied. */
export const headSpec = (specs: readonly WeightSpec[]): WeightSpec =>
  (specs.find((s) => s.slot === "head") ?? specs.find((s) => s.slot === "embed")) as WeightSpec;

/** The bytes of `spec` in the piece of its layer, whose matrices are `all`. */
export function partOf(piece: Uint8Array, all: readonly WeightSpec[], spec: WeightSpec): Uint8Array {
  const sizes = all.map(({ rows, cols }) => packedBytes("q4", rows, cols));
  const i = all.indexOf(spec);
  const at = sizes.slice(0, i).reduce((sum, n) => sum + n, 0);
  return piece.subarray(at, at + sizes[i]);
}

const bytesOf = ({ arena, ptr, byteLength }: PackedMatrix): Uint8Array => new Uint8Array(arena.buffer, ptr, byteLength);

/** The bytes of matrices, one after the other. */
export function joined(list: readonly PackedMatrix[]): Uint8Array {
  const whole = new Uint8Array(list.reduce((n, m) => n + m.byteLength, 0));
  let at = 0;
  for (const m of list) {
    whole.set(bytesOf(m), at);
    at += m.byteLength;
  }
  return whole;
}

/** Puts them back. */
export function restore(piece: Uint8Array, list: readonly PackedMatrix[]): void {
  let at = 0;
  for (const m of list) {
    bytesOf(m).set(piece.subarray(at, at + m.byteLength));
    at += m.byteLength;
  }
}

/** What its user should know of matrices that were not calibrated. */
export async function fewNotices(kept: Kept, layers: number): Promise<Notice[]> {
  const names: string[] = [];
  for (let i = 0; i < layers; i++) {
    const piece = await kept.get(fewPiece(i));
    if (piece) names.push(...(JSON.parse(new TextDecoder().decode(piece)) as string[]));
  }
  if (names.length === 0) return [];
  const some = `${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}`;
  const message = `${names.length} matrices of experts saw too few tokens to be calibrated, and are quantized as loading does it: ${some}; more tokens would help`;
  return [{ code: "few_tokens", message }];
}
