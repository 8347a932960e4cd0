/** Milliseconds that passed, and those of all the process's threads on processors. */
export interface Lap {
  ms: number;
  cpuMs: number;
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** A stopwatch that can be stopped for other work, such as a probe. */
export class Clock {
  #lap: Lap = { ms: 0, cpuMs: 0 };
  #since = { ms: 0, cpuMs: 0 };

  start(): void {
    this.#lap = { ms: 0, cpuMs: 0 };
    this.#go();
  }

  /** Does what is not to be measured. */
  pause(work: () => void): void {
    this.#halt();
    work();
    this.#go();
  }

  stop(): Lap {
    this.#halt();
    return this.#lap;
  }

  #go(): void {
    this.#since = { cpuMs: cpuMs(), ms: performance.now() };
  }

  #halt(): void {
    this.#lap.ms += performance.now() - this.#since.ms;
    this.#lap.cpuMs += cpuMs() - this.#since.cpuMs;
  }
}

/** The value that a part of all do not exceed: 0.5 is the median. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)];
}
