import { type Arena, alignUp } from "../tensor/arena.ts";
import type { DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import { KV_BLOCK, type KVFormat, type KVLayer } from "./kernels.ts";

/**
 * How the cache of one layer lies in memory. Pools of blocks, a block being B = 32 positions of all K heads; `k` and `v` are tensors of their own.
 *
 * f32: one after the other, as they come.
 *
 *     k, v    f32 [blocks, K, B, dh]          row j: position j of the block
 *
 * int8: x ≈ q · scale, one f32 scale for each position and head, scale = f32(max |x| / 127), q = nearestEven(f32(x / scale)) in -127 … 127, as
 * activations are quantized (reference/quantize-activations.ts). dh8 is dh rounded up to a multiple of 8; dims past dh are 0.
 *
 *     k       i8  [blocks, K, B, dh8]         | j=0: d=0 1 2 … dh8-1 | j=1: … | … | j=31 |       q · k sums along d
 *     v       i8  [blocks, K, dh8, B]         | d=0: j=0 1 2 … 31    | d=1: … | … | d=dh8-1 |    p · v sums along j
 *     scales  f32 [blocks, K, B]              of k and of v
 *
 * Keys stand by position and values by dim, so that both products of attention run along memory: they are rows of bytes times a vector.
 * 2 (dh8 + 4) bytes for a position and head, 3.88 times fewer than f32 at dh 128. A scale in f16 would save another 1.5 %, and cost the rounding
 * of the scale on top of that of the values.
 */
interface Piece {
  dtype: DType;
  shape: readonly number[];
}

function pieces(format: KVFormat, blocks: number, K: number, dh: number): { k: Piece; v: Piece; scale?: Piece } {
  if (format === "f32") {
    const rows: Piece = { dtype: "f32", shape: [blocks, K, KV_BLOCK, dh] };
    return { k: rows, v: rows };
  }
  return {
    k: { dtype: "i8", shape: [blocks, K, KV_BLOCK, paddedHead(dh)] },
    v: { dtype: "i8", shape: [blocks, K, paddedHead(dh), KV_BLOCK] },
    scale: { dtype: "f32", shape: [blocks, K, KV_BLOCK] },
  };
}

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
  for (const pool of scales ? [k, v, scales.k, scales.v] : [k, v])
    pool.rows(to, to + 1).data.set(pool.rows(from, from + 1).data);
}

/** The keys (`part` "k") or values of head g at positions 0 … S - 1, as float64 [S, dh]; int8 ones are q · scale. */
export function readKV(
  { k, v, scales, table }: KVLayer,
  part: "k" | "v",
  g: number,
  S: number,
  dh: number,
): Float64Array {
  const K = k.shape[1];
  const data = (part === "k" ? k : v).data;
  const width = scales ? paddedHead(dh) : dh;
  const byDim = scales !== undefined && part === "v";
  const step = byDim ? KV_BLOCK : 1; // from one dim to the next
  const out = new Float64Array(S * dh);
  for (let j = 0, to = 0; j < S; j++) {
    const slot = table.data[Math.floor(j / KV_BLOCK)] * K + g;
    const at = j % KV_BLOCK;
    const scale = scales ? scales[part].f32[slot * KV_BLOCK + at] : 1;
    let from = byDim ? slot * width * KV_BLOCK + at : (slot * KV_BLOCK + at) * width;
    for (const end = to + dh; to < end; to++, from += step) out[to] = scale * data[from];
  }
  return out;
}
