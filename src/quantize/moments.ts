import type { Pacer } from "../event-loop.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import { BLOCK, BLOCK_SIZE, blocksOf, lowerBlock, lowerSize, matrixAt } from "./blocks.ts";

/** Tokens whose products are summed in float32, by the kernel, before they are added to the float64 sums. */
const TOKENS = 256;

/**
 * H [C, C] = Σ x xᵀ over the inputs x [C] that a matrix sees: the second moments, twice the Hessian of its squared error (GPTQ, Frantar et
 * al., arXiv 2210.17323). Only the blocks of the lower triangle are computed and kept.
 *
 * The sums are float64, since H is factored next: its smallest eigenvalues are what rounding is traded against, and lie up to C / damping
 * below the largest. Their terms come from float32 products over 256 tokens, each sum in the fixed order of `linear`.
 */
export class Moments {
  readonly C: number;
  /** f64, the lower triangle's blocks. */
  readonly sums: Float64Array;
  readonly #kernels: Kernels;
  /** f32 [C padded, 256]: the inputs of some tokens, a row for each of their elements. */
  readonly #columns: Tensor;
  readonly #product: Tensor; // f32 [128, 128]
  #filled = 0;
  #tokens = 0;

  /** Bytes of the sums, which lie in no arena. */
  static sumBytes(C: number): number {
    return 8 * lowerSize(C);
  }

  /** Bytes that one takes from its arena. */
  static bytes(C: number): number {
    return alignUp(blocksOf(C) * BLOCK * TOKENS * 4) + alignUp(BLOCK_SIZE * 4);
  }

  /** @throws MemoryError if the kernels' arena is full */
  constructor(kernels: Kernels, C: number) {
    this.C = C;
    this.sums = new Float64Array(lowerSize(C));
    this.#kernels = kernels;
    this.#columns = Tensor.alloc(kernels.arena, "f32", [blocksOf(C) * BLOCK, TOKENS]);
    this.#product = Tensor.alloc(kernels.arena, "f32", [BLOCK, BLOCK]);
    this.#columns.f32.fill(0);
  }

  /** Takes the inputs of some tokens, x f32 [T, C]; there must be {@link room} for T. */
  take(x: Float32Array): void {
    const { C } = this;
    const columns = this.#columns.f32;
    const T = x.length / C;
    for (let t = 0; t < T; t++) {
      for (let c = 0, at = this.#filled + t; c < C; c++, at += TOKENS) columns[at] = x[t * C + c];
    }
    this.#filled += T;
    this.#tokens += T;
  }

  /** Tokens that were taken, in all. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Tokens that can be taken before the next {@link add}. */
  get room(): number {
    return TOKENS - this.#filled;
  }

  /** Adds what was taken to the sums. */
  async add(pacer: Pacer): Promise<void> {
    const columns = this.#columns.f32;
    for (let row = 0; row < columns.length; row += TOKENS) columns.fill(0, row + this.#filled, row + TOKENS);
    this.#filled = 0;
    const { arena, ptr } = this.#columns;
    const at = (I: number) => ptr + I * BLOCK * TOKENS * 4;
    for (let I = 0; I < blocksOf(this.C); I++) {
      const x = new Tensor(arena, at(I), "f32", [BLOCK, TOKENS]);
      for (let J = 0; J <= I; J++) {
        this.#kernels.linear(this.#product, x, matrixAt(arena, at(J), BLOCK, TOKENS));
        const product = this.#product.f32;
        const start = lowerBlock(I, J) * BLOCK_SIZE;
        for (let i = 0; i < BLOCK_SIZE; i++) this.sums[start + i] += product[i];
        if (pacer.due) await pacer.turn();
      }
    }
  }
}
