import { type Arena, alignUp } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import { KV_BLOCK, type KVFormat, type KVLayer } from "./kernels.ts";

/**
 * How the cache of one layer lies in memory. Pools of blocks, a block being B = 32 positions of all K heads; `k` and `v` are tensors of their own.
 * Heads stand outside: attention walks the blocks of one head, which are one stream where their numbers are in order (a stream comes from memory at two
 * to three times the speed of as many pages at a distance).
 *
 * f32: one after the other, as they come.
 *
 *     k, v    f32 [K, blocks, B, dh]          row j: position j of the block
 *
 * int8: x ≈ q · scale, one f32 scale for each position and head, scale = f32(max |x| / 127), q = nearestEven(f32(x / scale)) in -127 … 127, as
 * activations are quantized (reference/quantize-activations.ts). dh8 is dh rounded up to a multiple of 8; dims past dh are 0.
 *
 *     k       i8  [K, blocks, B / 8, dh8 / 2, 8, 2]    j=0 … 7:  | j=0: d=0 1 | j=1: d=0 1 | … | j=7: d=0 1 | j=0: d=2 3 | …    q · k sums along d
 *     v       i8  [K, blocks, dh8 / 8, B / 2, 8, 2]    d=0 … 7:  | d=0: j=0 1 | d=1: j=0 1 | … | d=7: j=0 1 | d=0: j=2 3 | …    p · v sums along j
 *     scales  f32 [K, blocks, B]                       of k and of v
 *
 * Keys stand by position and values by dim, in eights of which pairs along the sum take turns: both products of attention run along memory, and a
 * lane of their sums is a position or a dim (wasm/dot-rows.ts).
 * 2 (dh8 + 4) bytes for a position and head, 3.88 times fewer than f32 at dh 128. A scale in f16 would save another 1.5 %, and cost the rounding
 * of the scale on top of that of the values.
 */
interface Piece {
  dtype: DType;
  shape: readonly number[];
}

function pieces(format: KVFormat, blocks: number, K: number, dh: number): { k: Piece; v: Piece; scale?: Piece } {
  if (format === "f32") {
    const rows: Piece = { dtype: "f32", shape: [K, blocks, KV_BLOCK, dh] };
    return { k: rows, v: rows };
  }
  return {
    k: { dtype: "i8", shape: int8Shape(K, blocks, KV_BLOCK, paddedHead(dh)) },
    v: { dtype: "i8", shape: int8Shape(K, blocks, paddedHead(dh), KV_BLOCK) },
    scale: { dtype: "f32", shape: [K, blocks, KV_BLOCK] },
  };
}

/** Shape of a pool of int8 whose blocks have `rows` rows of n numbers. */
export const int8Shape = (K: number, blocks: number, rows: number, n: number): number[] => [
  K,
  blocks,
  rows / 8,
  n / 2,
  8,
  2,
];

/** Where number i of row r is in an int8 block whose rows have n numbers. */
export const int8At = (r: number, i: number, n: number): number =>
  (r >> 3) * 8 * n + (i >> 1) * 16 + (r & 7) * 2 + (i & 1);

/** dh8: head dims as int8 rows have them. */
export const paddedHead = (dh: number): number => alignUp(dh, 8);

/** Heads of more dims could overflow the integer sums of attention. */
export const INT8_HEAD_DIMS = 512;

/** Bytes that {@link allocKVLayer} takes for a pool of `blocks` blocks. */
export function kvLayerBytes(format: KVFormat, blocks: number, K: number, dh: number): number {
  const { k, v, scale } = pieces(format, blocks, K, dh);
  const bytes = ({ dtype, shape }: Piece) => alignUp(Tensor.bytes(dtype, shape));
  return bytes(k) + bytes(v) + (scale ? 2 * bytes(scale) : 0);
}

/**
 * The cache of one layer: `blocks` blocks of 32 positions of K heads of dh dims.
 * @param table i32 [≥ ceil(S / 32)], the sequence's block numbers, in the same arena; layers may share it
 * @throws MemoryError if the arena is full, ShapeError for sizes that are none
 */
export function allocKVLayer(
  arena: Arena,
  format: KVFormat,
  blocks: number,
  K: number,
  dh: number,
  table: Tensor,
): KVLayer {
  const { k, v, scale } = pieces(format, blocks, K, dh);
  const alloc = ({ dtype, shape }: Piece) => Tensor.alloc(arena, dtype, shape);
  const scales = scale && { k: alloc(scale), v: alloc(scale) };
  return { k: alloc(k), v: alloc(v), scales, table };
}

/** Copies all that lies in block `from` to block `to`. */
export function copyKVBlock({ k, v, scales }: KVLayer, from: number, to: number): void {
  for (const { data, shape, size } of scales ? [k, v, scales.k, scales.v] : [k, v]) {
    const [K, blocks] = shape;
    const block = size / (K * blocks);
    for (let g = 0; g < K; g++) {
      const head = g * blocks;
      data.copyWithin((head + to) * block, (head + from) * block, (head + from + 1) * block);
    }
  }
}

/** The keys (`part` "k") or values of head g at positions 0 … S - 1, as float64 [S, dh]; int8 ones are q · scale. */
export function readKV(
  { k, v, scales, table }: KVLayer,
  part: "k" | "v",
  g: number,
  S: number,
  dh: number,
): Float64Array {
  const blocks = k.shape[1];
  const data = (part === "k" ? k : v).data;
  const width = scales ? paddedHead(dh) : dh;
  const out = new Float64Array(S * dh);
  for (let j = 0, to = 0; j < S; j++) {
    const slot = g * blocks + table.data[Math.floor(j / KV_BLOCK)];
    const at = j % KV_BLOCK;
    const scale = scales ? scales[part].f32[slot * KV_BLOCK + at] : 1;
    for (let d = 0; d < dh; d++, to++) {
      const inBlock = !scales ? at * dh + d : part === "k" ? int8At(at, d, width) : int8At(d, at, KV_BLOCK);
      out[to] = scale * data[slot * KV_BLOCK * width + inBlock];
    }
  }
  return out;
}
