import { cores, hasWorkers, isIsolated } from "#platform";
import type { Notice } from "../errors.ts";

/** Threads of a model: how many, and what its user should know of that. */
export interface ThreadChoice {
  /** What was asked for. */
  readonly wanted: "auto" | number;
  readonly threads: number;
  readonly notices: readonly Notice[];
}

/** Models of fewer weights are done before helpers are there, and their operations are too short to share. */
const WORTH_WEIGHTS = 2 ** 25;

/**
 * How many threads by default: all cores of a small machine, half of a larger one (they are often two to a real core, and somebody else wants
 * one), 8 at most: memory is no faster by then.
 */
const sensible = (n: number): number => (n <= 4 ? n : Math.min(8, Math.max(4, Math.floor(n / 2))));

/**
 * How many threads are to work for a model of so many weights.
 * @param canStart whether threads can be started for this one, where it is not this one that starts them
 */
export function chooseThreads(wanted: "auto" | number, weights: number, canStart = hasWorkers()): ThreadChoice {
  const only = (...notices: Notice[]): ThreadChoice => ({ wanted, threads: 1, notices });
  if (wanted === 1 || (wanted === "auto" && weights < WORTH_WEIGHTS)) return only();
  const threads = wanted === "auto" ? sensible(cores()) : wanted;
  if (threads === 1) return only();
  const obstacle = canStart ? whatForbids() : "this engine has no workers here";
  if (obstacle === undefined) return { wanted, threads, notices: [] };
  return wanted === "auto" ? only() : only(oneThread(obstacle));
}

/** The notice that threads were asked for and cannot be had. */
export const oneThread = (why: string): Notice => ({
  code: "one_thread",
  message: `one thread works instead of several: ${why}`,
});

/** Why memory cannot be shared here, or this thread may not wait for others; undefined if all is well. */
function whatForbids(): string | undefined {
  if (typeof SharedArrayBuffer === "undefined" || !isIsolated()) {
    return "memory cannot be shared in this page; it needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
  }
  try {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    Atomics.wait(new Int32Array(buffer), 0, 1, 0);
    return undefined;
  } catch {
    return "a page's own thread may not wait for others; with { worker: true } the model has a thread that may";
  }
}
