/**
 * Breaks a text that arrives in pieces at its spaces, for a terminal of `columns`: a word is held back until it ends, and begins a new line
 * if it does not fit on this one. Terminals themselves break in the middle of a word.
 */
export class WordWrap {
  readonly #columns: number;
  #column = 0;
  #word = "";

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** What can be written by now. */
  push(text: string): string {
    let out = "";
    for (const char of text) {
      if (char === " " || char === "\n") {
        out += this.#flush() + char;
        this.#column = char === "\n" ? 0 : this.#column + 1;
      } else {
        this.#word += char;
        // Scripts without spaces, and words that are longer than a line.
        if ([...this.#word].length >= this.#columns / 2) out += this.#flush();
      }
    }
    return out;
  }

  /** The last word. */
  end(): string {
    return this.#flush();
  }

  #flush(): string {
    const length = [...this.#word].length;
    const breaks = this.#column > 0 && this.#column + length > this.#columns;
    const out = breaks ? `\n${this.#word}` : this.#word;
    this.#column = breaks ? length : this.#column + length;
    this.#word = "";
    return out;
  }
}
