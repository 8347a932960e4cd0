/** Measures one generation in milliseconds; it stands still while the reader has the word. */
export class Stopwatch {
  #phase: "prefillMs" | "decodeMs" = "prefillMs";
  readonly #passed = { prefillMs: 0, decodeMs: 0 };
  /** When it was set going; undefined while it stands still. */
  #since: number | undefined = performance.now();

  /** The prompt's logits are there: what follows is decoding. */
  prefilled(): void {
    this.pause();
    this.#phase = "decodeMs";
    this.resume();
  }

  pause(): void {
    this.#passed[this.#phase] += this.#running();
    this.#since = undefined;
  }

  resume(): void {
    this.#since ??= performance.now();
  }

  times(): { prefillMs: number; decodeMs: number } {
    const times = { ...this.#passed };
    times[this.#phase] += this.#running();
    return times;
  }

  #running(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }
}
