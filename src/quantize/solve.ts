import type { Pacer } from "../event-loop.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { GROUP } from "../quant/packed-matrix.ts";
import { alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import { BLOCK as B, blocksOf } from "./blocks.ts";
import { descendPanel } from "./descent.ts";
import { feedbackPanel } from "./feedback.ts";
import { type Objective, view } from "./objective.ts";

/** Rows that are quantized together: each is by itself, but they share every read of H. */
export const ROWS_AT_ONCE = 128;

/** A panel: the 128 inputs of block p, of R rows. */
export interface Panel {
  /** Rows R in use. */
  rows: number;
  /** f32 [R, 128]: the weights, w. */
  w: Float32Array;
  /** f32 [R, 128]: what rounding leaves, w - ŵ. */
  e: Float32Array;
  /** i8 [R, 128]: the integers, -8 … 7. */
  q: Int8Array;
  /** u16 [R, 4]: the bits of each group's f16 scale; ŵ = q · scale. */
  scales: Uint16Array;
}

/**
 * Quantizes up to 128 rows of one matrix to q4 so that (w - ŵ) H' (w - ŵ)ᵀ becomes small: one pass with error feedback, from the last input
 * to the first, and then passes of coordinate descent. Products between panels are calls of the `linear` kernel; what happens within one is
 * in feedback.ts and descent.ts.
 */
export class RowSolver {
  readonly panels: Panel[];
  readonly #kernels: Kernels;
  readonly #objective: Objective;
  readonly #errors: Tensor[]; // f32 [R, 128] each
  readonly #sum: Tensor; // f32 [R, 128]
  readonly #product: Tensor;

  /** Bytes that one takes from its arena. */
  static bytes(C: number): number {
    return (blocksOf(C) + 2) * alignUp(ROWS_AT_ONCE * B * 4);
  }

  /** @throws MemoryError if the kernels' arena is full */
  constructor(kernels: Kernels, objective: Objective) {
    this.#kernels = kernels;
    this.#objective = objective;
    const room = () => Tensor.alloc(kernels.arena, "f32", [ROWS_AT_ONCE, B]);
    this.#errors = Array.from({ length: objective.blocks }, room);
    this.#sum = room();
    this.#product = room();
    const size = ROWS_AT_ONCE * B;
    this.panels = this.#errors.map((errors) => ({
      rows: 0,
      w: new Float32Array(size),
      e: errors.f32,
      q: new Int8Array(size),
      scales: new Uint16Array(size / GROUP),
    }));
  }

  /** Takes R rows of weights, f32 [R, C]. */
  #load(weights: Float32Array): void {
    const { C } = this.#objective;
    const rows = weights.length / C;
    this.panels.forEach((panel, p) => {
      panel.rows = rows;
      panel.w.fill(0);
      for (let r = 0; r < rows; r++)
        panel.w.set(weights.subarray(r * C + p * B, r * C + Math.min(C, (p + 1) * B)), r * B);
    });
  }

  /** The panels then hold the result. @param weights f32 [R, C], R ≤ 128 */
  async solve(weights: Float32Array, passes: number, pacer: Pacer): Promise<void> {
    this.#load(weights);
    const { blocks } = this.#objective;
    for (let p = blocks - 1; p >= 0; p--) {
      const sums = await this.#products(p + 1, blocks, (P) => this.#objective.factor(P, p), pacer);
      feedbackPanel(this.panels[p], sums, view(this.#objective.factor(p, p)));
      if (pacer.due) await pacer.turn();
    }
    for (let pass = 0; pass < passes; pass++) {
      for (let p = 0; p < blocks; p++) {
        const gradient = await this.#products(0, blocks, (P) => this.#objective.full(p, P), pacer);
        descendPanel(this.panels[p], gradient, view(this.#objective.full(p, p)));
        if (pacer.due) await pacer.turn();
      }
    }
  }

  /** f32 [R, 128]: Σ_P e_P · M(P)ᵀ over the panels from … to - 1. */
  async #products(from: number, to: number, of: (P: number) => ReturnType<Objective["full"]>, pacer: Pacer) {
    const { rows } = this.panels[0];
    const sum = this.#sum.rows(0, rows);
    const product = this.#product.rows(0, rows);
    if (from >= to) sum.f32.fill(0);
    for (let P = from; P < to; P++) {
      const errors = this.#errors[P].rows(0, rows);
      this.#kernels.linear(P === from ? sum : product, errors, of(P));
      if (P > from) this.#kernels.add(sum, sum, product);
      if (pacer.due) await pacer.turn();
    }
    return sum.f32;
  }
}
