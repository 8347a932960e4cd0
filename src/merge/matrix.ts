import type { Pieces } from "../formats/safetensors/index.ts";
import { createKernels } from "../kernels/create.ts";
import { allocLowRank, lowRankBytes, writeLowRank } from "../kernels/low-rank.ts";
import type { PartPlan } from "../load/adapters/deltas.ts";
import type { OpenedAdapter } from "../load/adapters/place.ts";
import { READABLE, readRows, type WeightFiles, type WeightTensor } from "../load/weight-files.ts";
import { Arena, alignUp } from "../tensor/arena.ts";
import { fromF32 } from "../tensor/convert.ts";
import { BYTES, viewOf } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What is added to rows of a matrix of the checkpoint. */
export interface Addition {
  files: OpenedAdapter["files"];
  part: PartPlan;
  /** Row of the matrix to which row 0 of B belongs; B may begin before the matrix, or end after it. */
  row: number;
  /** That of the adapter, times the one that was asked for. */
  scale: number;
}

/** Bytes of float32 rows that are held at a time. */
const BLOCK = 2 ** 22;

/**
 * A matrix [N, C] of the checkpoint with `additions`: W + scale_1 · B_1 A_1 + scale_2 · B_2 A_2 …, in float32 and in this order, each product summed
 * over its ranks as `addLowRank` does (src/kernels/reference/add-low-rank.ts), and rounded once, to the nearest even, to the dtype that it had. Some rows at
 * a time; the factors A are held whole.
 */
export async function* mergedPieces(base: WeightFiles, info: WeightTensor, additions: readonly Addition[]): Pieces {
  const [N, C] = info.shape;
  const dtype = READABLE[info.dtype];
  const rows = Math.max(1, Math.min(N, Math.floor(BLOCK / (4 * C))));
  const ranks = additions.map(({ part }) => part.a.shape[0]);
  const most = Math.max(...ranks);
  const room = ranks.reduce((sum, r) => sum + alignUp(lowRankBytes(C, r)), 4 * alignUp(rows * Math.max(C, most) * 4));
  const arena = new Arena(room, { name: "merging" });
  const kernels = createKernels(arena);
  const block = Tensor.alloc(arena, "f32", [rows, C]); //      rows of W
  const factor = Tensor.alloc(arena, "f32", [rows, most]); //  rows of B
  const held = [];
  for (const { files, part } of additions) {
    const [r] = part.a.shape;
    const a = await readRows(files, part.a, 0, r);
    const transposed = new Float32Array(C * r);
    for (let j = 0; j < r; j++) for (let c = 0; c < C; c++) transposed[c * r + j] = a[j * C + c];
    const low = allocLowRank(arena, C, r); // W += B A is, row by row, x += u Bᵀ with u a row of B, and Aᵀ in place of B
    writeLowRank(low, 0, transposed);
    held.push(low);
  }
  for (let row = 0; row < N; row += rows) {
    const n = Math.min(rows, N - row);
    block.f32.set(await readRows(base, info, row, n));
    for (const [i, { files, part, row: first, scale }] of additions.entries()) {
      const [from, to] = [Math.max(row, first), Math.min(row + n, first + part.b.shape[0])];
      if (from >= to) continue;
      const u = new Tensor(arena, factor.ptr, "f32", [to - from, ranks[i]]);
      u.f32.set(await readRows(files, part.b, from - first, to - from));
      kernels.addLowRank(block.rows(from - row, to - row), 0, u, 0, held[i], Math.fround(scale));
    }
    const out = new Uint8Array(n * C * BYTES[dtype]);
    fromF32(dtype, block.rows(0, n).f32, viewOf(dtype, out.buffer, 0, n * C));
    yield out;
  }
}
