import type { Pacer } from "../event-loop.ts";
import { BLOCK, lowerBlock } from "./blocks.ts";

/** A constant of this module, since test runners turn imported ones into calls. */
const B = BLOCK;
const BLOCK_SIZE = B * B;

/** Products of finished blocks of L, in float32. */
export interface Products {
  /** Block (I, J) is finished. */
  put(I: number, J: number, block: Float64Array): void;
  /** L(I, K) · L(J, K)ᵀ, f32 [128, 128] row-major; valid until the next call. */
  of(I: number, J: number, K: number): Float32Array;
}

/**
 * A = L Lᵀ in place: A symmetric and positive definite, the blocks of its lower triangle (blocks.ts), which become those of L. Left-looking: a
 * block is finished before the next is begun, so that it is written once. C³ / 6 multiplications, nearly all in `products`: float32 products
 * of 128 terms, as those that made A (moments.ts), added up in float64; each sum in a fixed order, whatever the engine. So L Lᵀ differs from A
 * by some 2^-21 of sqrt(A_ii A_jj), far less than any damping adds.
 * Source: Golub and Van Loan, Matrix Computations, section 4.2 (block Cholesky).
 * @returns false if A is not positive definite (to that precision); A is spoilt then
 */
export async function cholesky(a: Float64Array, blocks: number, products: Products, pacer: Pacer): Promise<boolean> {
  const block = (I: number, J: number) => {
    const at = lowerBlock(I, J) * BLOCK_SIZE;
    return a.subarray(at, at + BLOCK_SIZE);
  };
  for (let J = 0; J < blocks; J++) {
    const diagonal = block(J, J);
    for (let I = J; I < blocks; I++) {
      const mine = block(I, J);
      for (let K = 0; K < J; K++) {
        const product = products.of(I, J, K);
        for (let i = 0; i < BLOCK_SIZE; i++) mine[i] -= product[i];
        if (pacer.due) await pacer.turn();
      }
      if (I > J) solve(mine, diagonal);
      else if (!factor(mine)) return false;
      products.put(I, J, mine);
      if (pacer.due) await pacer.turn();
    }
  }
  return true;
}

/** A block on the diagonal to its L; zeros above the diagonal. */
function factor(a: Float64Array): boolean {
  for (let j = 0; j < B; j++) {
    const pivot = a[j * B + j] - dot(a, j * B, a, j * B, j);
    if (!(pivot > 0 && pivot < Infinity)) return false;
    const root = Math.sqrt(pivot);
    a[j * B + j] = root;
    for (let i = j + 1; i < B; i++) a[i * B + j] = (a[i * B + j] - dot(a, i * B, a, j * B, j)) / root;
    a.fill(0, j * B + j + 1, (j + 1) * B);
  }
  return true;
}

/** x with x · lᵀ = a, in place of a; l lower triangular. */
function solve(a: Float64Array, l: Float64Array): void {
  for (let row = 0; row < BLOCK_SIZE; row += B) {
    for (let j = 0; j < B; j++) a[row + j] = (a[row + j] - dot(a, row, l, j * B, j)) / l[j * B + j];
  }
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, n: number): number {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += a[i + k] * b[j + k];
  return sum;
}
