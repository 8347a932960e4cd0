import type { Timings } from "./result.ts";

/** Measures one generation; it stands still while the reader has the word. */
export class Stopwatch {
  readonly #loadMs: number;
  readonly #cpuMs: (() => number | undefined) | undefined;
  readonly #cpuAtStart: number | undefined;
  #prefillMs = 0;
  #decodeMs = 0;
  /** When the phase, or what is left of it since the last pause, began. */
  #since = performance.now();

  constructor(model: { loadMs: number; cpuMs?: () => number | undefined }) {
    this.#loadMs = model.loadMs;
    this.#cpuMs = model.cpuMs;
    this.#cpuAtStart = model.cpuMs?.();
  }

  /** The prompt's logits are there: what follows is decoding. */
  prefilled(): void {
    this.#prefillMs = this.#lap();
  }

  pause(): void {
    this.#decodeMs += this.#lap();
  }

  resume(): void {
    this.#since = performance.now();
  }

  timings(): Timings {
    return { loadMs: this.#loadMs, prefillMs: this.#prefillMs, decodeMs: this.#decodeMs };
  }

  cpu(): { cpuMs?: number } {
    const now = this.#cpuMs?.();
    return now === undefined || this.#cpuAtStart === undefined ? {} : { cpuMs: now - this.#cpuAtStart };
  }

  #lap(): number {
    const now = performance.now();
    const passed = now - this.#since;
    this.#since = now;
    return passed;
  }
}
