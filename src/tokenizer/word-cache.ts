/** Words in each of the two generations. */
const GENERATION = 8192;

/**
 * Longer words are not kept: they seldom come again, and V8 keeps the whole text alive behind a slice of 13 units or more.
 */
const LONGEST = 12;

/** The tokens of words that have come before: at most two generations, of which the older is dropped when the newer is full. */
export class WordCache {
  #young = new Map<string, readonly number[]>();
  #old = new Map<string, readonly number[]>();

  get(word: string): readonly number[] | undefined {
    if (word.length > LONGEST) return undefined;
    const found = this.#young.get(word);
    if (found) return found;
    const older = this.#old.get(word);
    if (older) this.set(word, older);
    return older;
  }

  set(word: string, tokens: readonly number[]): void {
    if (word.length > LONGEST) return;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(word, tokens);
  }
}
