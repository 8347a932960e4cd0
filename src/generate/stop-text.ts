/** Cuts a stream of text at the first of several stop strings, and holds back what may still become the beginning of one. */
export class StopText {
  readonly #stops: readonly string[];
  #held = "";
  #stopped = false;

  /** @param stops none of them empty */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** A stop string was found; no more text comes. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next text; returns what is certainly before any stop string. */
  push(text: string): string {
    if (this.#stopped) return "";
    const all = this.#held + text;
    const at = this.#stops.map((stop) => all.indexOf(stop)).filter((i) => i >= 0);
    if (at.length > 0) {
      this.#stopped = true;
      this.#held = "";
      return all.slice(0, Math.min(...at));
    }
    const safe = all.length - this.#beginning(all);
    this.#held = all.slice(safe);
    return all.slice(0, safe);
  }

  /** What was held back, when no more text comes. */
  end(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Length of the longest end of `text` that is a proper beginning of a stop string. */
  #beginning(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let n = Math.min(stop.length - 1, text.length); n > longest; n--) {
        if (text.endsWith(stop.slice(0, n))) longest = n;
      }
    }
    return longest;
  }
}
