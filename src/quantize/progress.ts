import type { QuantizeProgress } from "./options.ts";

/**
 * Progress of a job whose parts are known beforehand, each with an estimate of its cost in any unit. The rate is that of this run so far: work
 * that was found finished does not count as done in no time.
 */
export class Progress {
  readonly #total: number;
  readonly #report: ((progress: QuantizeProgress) => void) | undefined;
  readonly #now: () => number;
  readonly #start: number;
  #done = 0;
  #found = 0;

  constructor(total: number, report?: (progress: QuantizeProgress) => void, now = () => performance.now()) {
    this.#total = total;
    this.#report = report;
    this.#now = now;
    this.#start = now();
  }

  /** `cost` more is done; `found`: by an earlier run. */
  add(cost: number, phase: QuantizeProgress["phase"], detail: string, found = false): void {
    this.#done += cost;
    if (found) this.#found += cost;
    const fraction = Math.min(1, this.#done / this.#total);
    const mine = this.#done - this.#found;
    const passed = this.#now() - this.#start;
    // The first percent says little.
    const known = mine > 0.01 * this.#total;
    const remainingMs = known ? (passed * Math.max(0, this.#total - this.#done)) / mine : undefined;
    this.#report?.({ phase, detail, fraction, ...(remainingMs !== undefined && { remainingMs }) });
  }
}
