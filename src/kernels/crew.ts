import type { Arena } from "../tensor/arena.ts";
import { KERNEL_RESERVE } from "../tensor/arena.ts";
import type { Operations } from "./kernels.ts";
import type { DotForm } from "./simd.ts";
import type { WasmExports, WasmModule } from "./wasm-module.ts";

/**
 * Where a call may put what lives no longer than itself: the upper half of what an arena reserves for kernels. Helpers have places of their own,
 * as large.
 */
export const SCRATCH = KERNEL_RESERVE / 2;
export const SCRATCH_BYTES = KERNEL_RESERVE / 2;

/** The kernels whose work threads can share, as numbers, as in wasm/job.ts. */
export const JOBS = {
  linearInt8: 0,
  linearF32: 1,
  attention: 2,
  packRows: 3,
  repackRows: 4,
  quantizeActivations: 5,
  rmsnorm: 6,
  rope: 7,
  storeKV: 8,
  swiglu: 9,
  add: 10,
  geglu: 11,
  addLowRank: 12,
} as const;
export type Job = keyof typeof JOBS;

/** Where a job is written, as in wasm/job.ts: four words and the operands, of which there are at most 20. */
export const JOB = { at: 384, head: 4, words: 24 } as const;

/** Where a helper says that it has failed, and what the leader may be sleeping on: words of an arena, as in wasm/crew.ts. */
export const FAILED_WORD = 260 / 4;
export const DONE_WORD = 128 / 4;

/** An arena with a build's functions bound to it, in which jobs can be done. */
export interface Workplace {
  readonly arena: Arena;
  readonly module: WasmModule;
  readonly exports: WasmExports;
  /** Scratch of the helpers, {@link SCRATCH_BYTES} each. */
  readonly helperScratch: readonly number[];
}

/** Several threads that work for one model: src/threads leads them. */
export interface Crew {
  /** How many they are, the leader among them. */
  readonly threads: number;
  /** The operations of a place, of which the large ones are shared. @param alone the same by one thread */
  operations(place: Workplace, alone: Operations, form: DotForm): Operations;
  /** One more place to work in. Returns what does the job that was written there: all its units, when it returns. */
  open(place: Workplace): () => void;
  /** Sends the helpers away. Not within a job. */
  end(): void;
}
