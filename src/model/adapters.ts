/**
 * LoRA adapters at work ("LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685; as HF PEFT's lora.Linear computes it): what a
 * linear layer gives, plus scale · B (A x) of each adapter that is switched on. Weights stay as they are, in whatever format.
 *
 * Letters: T new tokens, N outputs and C inputs of a matrix, R ranks of an adapter's parts in all, r of one.
 */
import type { Kernels } from "../kernels/kernels.ts";
import type { LowRank } from "../kernels/low-rank.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Which adapters work on a call, and how strongly. */
export interface AdapterMix {
  /** Equal for mixes that compute the same, "" for none: keys and values are those of a mix, and serve no other one. */
  readonly key: string;
  /** By the adapters' numbers, rising, which is the order of the sums; no scale is 0. */
  readonly parts: readonly { readonly adapter: number; readonly scale: number }[];
}

export const NO_ADAPTERS: AdapterMix = { key: "", parts: [] };

/** What an adapter adds to one matrix [N, C]: to some of its rows each, where it was made for parts that are one matrix here (q, k, v). */
export interface Delta {
  /** f32 [R, C]: the factors A of all parts, one below the other, since all see the same x. */
  readonly a: PackedMatrix;
  readonly parts: readonly DeltaPart[];
}

export interface DeltaPart {
  /** The factor B, f32 [n, r], of the rows `row` … row + n - 1. */
  readonly b: LowRank;
  readonly row: number;
  /** Its A is rows `at` … at + r - 1. */
  readonly at: number;
  /** alpha / r, or alpha / √r. */
  readonly scale: number;
}

/** An adapter in memory: what it adds, by the matrices that it adds to. */
export type Deltas = ReadonlyMap<PackedMatrix, Delta>;

/** The adapters of a mix, by the matrices that they add to. */
export type ActiveDeltas = ReadonlyMap<PackedMatrix, readonly { readonly delta: Delta; readonly scale: number }[]>;

export function activeDeltas(adapters: readonly Deltas[], { parts }: AdapterMix): ActiveDeltas {
  const active = new Map<PackedMatrix, { delta: Delta; scale: number }[]>();
  for (const { adapter, scale } of parts) {
    for (const [matrix, delta] of adapters[adapter]) {
      const list = active.get(matrix);
      if (list) list.push({ delta, scale });
      else active.set(matrix, [{ delta, scale }]);
    }
  }
  return active;
}

/** The part of a chunk's scratch that adapters need. */
export interface DeltaScratch {
  /** f32 [T · the most ranks of an adapter's parts], only where there are adapters: A x. */
  low?: Tensor;
  /** The adapters at work on this chunk. */
  deltas?: ActiveDeltas;
}

/** out [T, N] += scale · B (A x) of every adapter at work on w [N, C]; x f32 [T, C], whatever w itself sees. */
export function addDeltas(k: Kernels, s: DeltaScratch, out: Tensor, x: Tensor, w: PackedMatrix): void {
  for (const { delta, scale } of s.deltas?.get(w) ?? []) {
    const u = new Tensor(x.arena, (s.low as Tensor).ptr, "f32", [x.shape[0], delta.a.rows]);
    k.linear(u, x, delta.a); //                                                       [T, R]
    for (const part of delta.parts) {
      k.addLowRank(out, part.row, u, part.at, part.b, Math.fround(part.scale * scale)); // rows of [T, N]
    }
  }
}
