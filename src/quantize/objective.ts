import { PhiError } from "../errors.ts";
import type { Pacer } from "../event-loop.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import { alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import { BLOCK, BLOCK_SIZE, blocksOf, lowerBlock, matrixAt } from "./blocks.ts";
import { cholesky, type Products } from "./cholesky.ts";
import type { Moments } from "./moments.ts";

/** A constant of this module, since test runners turn imported ones into calls. */
const B = BLOCK;

/** H' = moments · H / mean(diag H) + identity · I. */
export interface Damping {
  moments: number;
  identity: number;
}

/** 3 % of the mean, for a matrix whose inputs are all that H saw. */
export const DAMPING: Damping = { moments: 1, identity: 0.03 };

/** For a table that is the embedding as well, whose every row counts as it is. */
export const TIED_DAMPING: Damping = { moments: 0.7, identity: 0.3 };

/**
 * What rounding a row w [C] to ŵ costs: (w - ŵ) H' (w - ŵ)ᵀ, the damped second moments of the inputs as a quadratic form. Two forms of it
 * lie in an arena as float32, from which rows are then quantized with no more than products of blocks (solve.ts): H' itself, and the factor
 * L of H' = L Lᵀ with each column divided by its diagonal element. Float32 is enough there: every error that it makes is fed back, like
 * those of rounding.
 */
export class Objective {
  readonly C: number;
  readonly blocks: number;
  readonly #arena: Arena;
  readonly #full: number;
  readonly #factor: number;

  /** Bytes that one takes from its arena. */
  static bytes(C: number): number {
    const n = blocksOf(C);
    return alignUp(n * n * BLOCK_SIZE * 4) + alignUp(lowerBlock(n, 0) * BLOCK_SIZE * 4);
  }

  private constructor(arena: Arena, C: number) {
    this.C = C;
    this.blocks = blocksOf(C);
    this.#arena = arena;
    this.#full = arena.alloc(this.blocks ** 2 * BLOCK_SIZE * 4);
    this.#factor = arena.alloc(lowerBlock(this.blocks, 0) * BLOCK_SIZE * 4);
  }

  /**
   * Factors the moments, whose sums are overwritten.
   * @param kernels in whose arena it lies, with room for {@link Objective.bytes} and, for the time of this call, for one block more
   * @param what for the error: whose inputs these are
   * @throws PhiError (code "calibration") if they are not finite; MemoryError if the arena is full
   */
  static async make(
    kernels: Kernels,
    { sums, C }: Moments,
    damping: Damping,
    what: string,
    pacer: Pacer,
  ): Promise<Objective> {
    const made = new Objective(kernels.arena, C);
    normalize(sums, C, damping);
    made.#storeFull(sums);
    const mark = kernels.arena.mark();
    const products = made.#products(kernels);
    if (!(await cholesky(sums, made.blocks, products, pacer)))
      throw new PhiError("calibration", `the inputs of ${what} are not finite numbers on the calibration's tokens`);
    kernels.arena.release(mark);
    made.#storeFactor(sums);
    return made;
  }

  /** Of blocks that lie, row-major, where those of the factor will. */
  #products(kernels: Kernels): Products {
    const out = Tensor.alloc(kernels.arena, "f32", [B, B]);
    const tensor = ({ arena, ptr }: PackedMatrix) => new Tensor(arena, ptr, "f32", [B, B]);
    return {
      put: (I, J, block) => view(this.factor(I, J)).set(block),
      of: (I, J, K) => {
        kernels.linear(out, tensor(this.factor(I, K)), this.factor(J, K));
        return out.f32;
      },
    };
  }

  /** H' from block J (columns) to block I (rows): f32 [128, 128]. */
  full(I: number, J: number): PackedMatrix {
    return matrixAt(this.#arena, this.#full + (I * this.blocks + J) * BLOCK_SIZE * 4, B, B);
  }

  /** L / diag from block I to block J ≤ I, f32 [128, 128]: row j, column i is L[i, j] / L[j, j]; on the diagonal row i, column j. */
  factor(I: number, J: number): PackedMatrix {
    return matrixAt(this.#arena, this.#factor + lowerBlock(I, J) * BLOCK_SIZE * 4, B, B);
  }

  #storeFull(sums: Float64Array): void {
    for (let I = 0; I < this.blocks; I++) {
      for (let J = 0; J <= I; J++) {
        const from = block(sums, I, J);
        view(this.full(I, J)).set(from);
        if (I !== J) transpose(view(this.full(J, I)), from);
      }
    }
  }

  #storeFactor(l: Float64Array): void {
    for (let J = 0; J < this.blocks; J++) {
      const diagonal = block(l, J, J);
      for (let I = J; I < this.blocks; I++) {
        const from = block(l, I, J);
        for (let at = 0; at < BLOCK_SIZE; at++) {
          const j = at % B;
          if (I !== J || j !== Math.floor(at / B)) from[at] /= diagonal[j * B + j];
        }
        if (I === J) view(this.factor(I, J)).set(from);
        else transpose(view(this.factor(I, J)), from);
      }
    }
  }
}

/** The numbers of a block. */
export const view = ({ arena, ptr, rows, cols }: PackedMatrix): Float32Array =>
  new Float32Array(arena.buffer, ptr, rows * cols);

const block = (a: Float64Array, I: number, J: number): Float64Array => {
  const at = lowerBlock(I, J) * BLOCK_SIZE;
  return a.subarray(at, at + BLOCK_SIZE);
};

function transpose(out: Float32Array, from: Float64Array): void {
  for (let i = 0; i < B; i++) for (let j = 0; j < B; j++) out[j * B + i] = from[i * B + j];
}

/** Damps, and puts ones on the diagonal of inputs that are padding. */
function normalize(sums: Float64Array, C: number, { moments, identity }: Damping): void {
  const n = blocksOf(C);
  const diagonal = (c: number) => lowerBlock(Math.floor(c / B), Math.floor(c / B)) * BLOCK_SIZE + (c % B) * (B + 1);
  let trace = 0;
  for (let c = 0; c < C; c++) trace += sums[diagonal(c)];
  const scale = trace > 0 ? (moments * C) / trace : 0;
  for (let i = 0; i < sums.length; i++) sums[i] *= scale;
  for (let c = 0; c < n * B; c++) sums[diagonal(c)] += identity;
}
