import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";

/**
 * Matrices [C, C] of this part are cut into square blocks of BLOCK, row-major each and one after the other, so that a product of two of
 * them is one call of the `linear` kernel on what fits a processor's nearest caches. C is padded to whole blocks.
 */
export const BLOCK = 128;

/** Numbers in a block. */
export const BLOCK_SIZE = BLOCK * BLOCK;

export const blocksOf = (C: number): number => Math.ceil(C / BLOCK);

/** Place of block (I, J), J ≤ I, in a symmetric or lower triangular matrix that keeps those only. */
export const lowerBlock = (I: number, J: number): number => (I * (I + 1)) / 2 + J;

/** Numbers of such a matrix. */
export const lowerSize = (C: number): number => lowerBlock(blocksOf(C), 0) * BLOCK_SIZE;

/** f32 [rows, cols] at a place in an arena, as `linear` takes its weights. */
export const matrixAt = (arena: Arena, ptr: number, rows: number, cols: number): PackedMatrix => {
  return { format: "f32", rows, cols, arena, ptr, byteLength: rows * cols * 4 };
};
