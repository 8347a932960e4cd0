import type { Pacer } from "../event-loop.ts";
import { BLOCK, lowerBlock } from "./blocks.ts";

/** A constant of this module, since test runners turn imported ones into calls. */
const B = BLOCK;
const BLOCK_SIZE = B * B;

/**
 * A = L Lᵀ in place: A symmetric and positive definite, the blocks of its lower triangle (blocks.ts), which become those of L. Float64; each
 * sum runs over k upwards, block by block, whatever the engine. Left-looking: a block is finished before the next is begun, so that it is
 * written once. C³ / 6 multiplications.
 * Source: Golub and Van Loan, Matrix Computations, section 4.2 (block Cholesky).
 * @returns false if A is not positive definite (to float64); A is spoilt then
 */
export async function cholesky(a: Float64Array, blocks: number, pacer: Pacer): Promise<boolean> {
  const block = (I: number, J: number) => {
    const at = lowerBlock(I, J) * BLOCK_SIZE;
    return a.subarray(at, at + BLOCK_SIZE);
  };
  for (let J = 0; J < blocks; J++) {
    const diagonal = block(J, J);
    for (let I = J; I < blocks; I++) {
      const mine = block(I, J);
      for (let K = 0; K < J; K++) {
        subtractProduct(mine, block(I, K), block(J, K));
        if (pacer.due) await pacer.turn();
      }
      if (I > J) solve(mine, diagonal);
      else if (!factor(mine)) return false;
      if (pacer.due) await pacer.turn();
    }
  }
  return true;
}

/** c -= a · bᵀ, blocks; tiles of 2 × 4, whose sums are kept in registers. */
function subtractProduct(c: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < BLOCK_SIZE; i += 2 * B) {
    for (let j = 0; j < BLOCK_SIZE; j += 4 * B) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let t0 = 0;
      let t1 = 0;
      let t2 = 0;
      let t3 = 0;
      for (let k = 0; k < B; k++) {
        const x = a[i + k];
        const y = a[i + B + k];
        const b0 = b[j + k];
        const b1 = b[j + B + k];
        const b2 = b[j + 2 * B + k];
        const b3 = b[j + 3 * B + k];
        s0 += x * b0;
        s1 += x * b1;
        s2 += x * b2;
        s3 += x * b3;
        t0 += y * b0;
        t1 += y * b1;
        t2 += y * b2;
        t3 += y * b3;
      }
      const at = i + j / B;
      c[at] -= s0;
      c[at + 1] -= s1;
      c[at + 2] -= s2;
      c[at + 3] -= s3;
      c[at + B] -= t0;
      c[at + B + 1] -= t1;
      c[at + B + 2] -= t2;
      c[at + B + 3] -= t3;
    }
  }
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
