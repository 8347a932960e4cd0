import { allocInt8Rows, int8RowsBytes } from "../kernels/int8-rows.ts";
import type { Int8Rows } from "../kernels/kernels.ts";
import { type Arena, alignUp } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { DeltaScratch } from "./adapters.ts";
import type { Buffers } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";

/** How the matrices see their inputs: as int8 groups of 32, or as float32. */
export type Activations = "int8" | "f32";

/** Rows of logits computed at once: about 8 MB of them, however large the vocabulary. */
function logitRows(config: PhiConfig, T: number): number {
  return Math.max(1, Math.min(T, Math.floor(2 ** 21 / config.vocabSize)));
}

/**
 * What one chunk of T tokens needs in each arena beside weights and cache; one buffer each, used again by every layer.
 * `Own`: the names of the buffers that only this architecture has.
 */
export interface Scratch<Own extends string = string> extends DeltaScratch {
  /** i32 [T] */
  ids: Tensor;
  /** The residual stream, [T, D]. */
  x: Tensor;
  /** Normed input of a block, and its output before the residual add, [T, D]. */
  h: Tensor;
  /** [T, H + 2K, dh] */
  qkv: Tensor;
  /** [T, H, dh] */
  attn: Tensor;
  /** [T, R/2] each */
  cos: Tensor;
  sin: Tensor;
  /** Of the architecture ({@link Architecture.buffers}). */
  own: Readonly<Record<Own, Tensor>>;
  /** [logit rows, V], only where the head lies. */
  logits?: Tensor;
  /** f32 [T · the most columns of a matrix], only where matrices have an order: their inputs in it. */
  ordered?: Tensor;
  /** Inputs of matrices as int8, by their number of columns (D, H·dh, F); empty with f32 activations. */
  int8: ReadonlyMap<number, Int8Rows>;
}

/** The buffers that all architectures have. */
type Shared = Exclude<keyof Scratch, "int8" | "own" | "deltas">;

/** What decides which buffers there are. */
export interface ScratchNeeds {
  /** Those of the architecture. */
  own: Buffers;
  activations: Activations;
  /** Whether the head lies in this arena. */
  logits: boolean;
  /** Whether matrices have an order of their inputs. */
  ordered?: boolean;
  /** The most ranks of an adapter's parts on one matrix; 0 without adapters. */
  rank?: number;
}

type Piece = readonly [name: string, dtype: DType, shape: readonly number[]];

function sharedPieces(
  c: PhiConfig,
  T: number,
  { logits, ordered, rank }: ScratchNeeds,
): (readonly [Shared, DType, readonly number[]])[] {
  return [
    ["ids", "i32", [T]],
    ["x", "f32", [T, c.hiddenSize]],
    ["h", "f32", [T, c.hiddenSize]],
    ["qkv", "f32", [T, c.heads + 2 * c.kvHeads, c.headDim]],
    ["attn", "f32", [T, c.heads, c.headDim]],
    ["cos", "f32", [T, c.rotaryDim / 2]],
    ["sin", "f32", [T, c.rotaryDim / 2]],
    ...(ordered ? ([["ordered", "f32", [T, Math.max(...widths(c))]]] as const) : []),
    ...(rank ? ([["low", "f32", [T, rank]]] as const) : []),
    ...(logits ? ([["logits", "f32", [logitRows(c, T), c.vocabSize]]] as const) : []),
  ];
}

const ownPieces = (T: number, { own }: ScratchNeeds): Piece[] =>
  Object.entries(own).map(([name, what]) => {
    const [dtype, width] = typeof what === "number" ? (["f32", what] as const) : what;
    return [name, dtype, [T, width]];
  });

/** The widths at which activations are quantized. */
const widths = (c: PhiConfig): number[] => [...new Set([c.hiddenSize, c.heads * c.headDim, c.intermediateSize])];

/** Bytes that {@link allocScratch} takes from an arena. */
export function scratchBytes(c: PhiConfig, T: number, needs: ScratchNeeds): number {
  let bytes = 0;
  for (const [, dtype, shape] of [...sharedPieces(c, T, needs), ...ownPieces(T, needs)])
    bytes += alignUp(Tensor.bytes(dtype, shape));
  if (needs.activations === "int8") for (const cols of widths(c)) bytes += int8RowsBytes(T, cols);
  return bytes;
}

/** Takes the scratch of chunks of up to T tokens from `arena`. @throws MemoryError if the arena is full */
export function allocScratch(arena: Arena, c: PhiConfig, T: number, needs: ScratchNeeds): Scratch {
  const alloc = (pieces: readonly Piece[]) =>
    Object.fromEntries(pieces.map(([name, dtype, shape]) => [name, Tensor.alloc(arena, dtype, shape)]));
  const shared = alloc(sharedPieces(c, T, needs)) as Record<Shared, Tensor>;
  const own = alloc(ownPieces(T, needs));
  const int8 = new Map<number, Int8Rows>();
  if (needs.activations === "int8") for (const cols of widths(c)) int8.set(cols, allocInt8Rows(arena, T, cols));
  return { ...shared, own, int8 };
}

/** The same buffers, seen as for a chunk of exactly T tokens. */
export function scratchFor(s: Scratch, T: number): Scratch {
  const cut = (t: Tensor) => t.rows(0, T);
  const int8 = new Map([...s.int8].map(([cols, rows]) => [cols, { ...rows, rows: T }]));
  return {
    ...{ ids: cut(s.ids), x: cut(s.x), h: cut(s.h), qkv: cut(s.qkv), attn: cut(s.attn) },
    ...{ cos: cut(s.cos), sin: cut(s.sin), logits: s.logits },
    ...(s.ordered && { ordered: cut(s.ordered) }),
    ...(s.low && { low: cut(s.low) }),
    own: Object.fromEntries(Object.entries(s.own).map(([name, t]) => [name, cut(t)])),
    int8,
  };
}
