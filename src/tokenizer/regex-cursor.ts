import { TokenizerError } from "../errors.ts";
import { show } from "../message.ts";
import type { Ranges } from "./char-set.ts";

/** Where a parser of regular expressions stands in its pattern. */
export class Cursor {
  readonly pattern: string;
  at = 0;
  /** True inside of `(?i: )`. */
  ignoreCase = false;
  #depth = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  /** @throws TokenizerError (code "regex") that names the construct */
  refuse(construct: string): never {
    const pattern = this.pattern.length > 200 ? `${this.pattern.slice(0, 200)}…` : this.pattern;
    throw new TokenizerError(
      {
        what: `regular expression ${show(pattern)}: ${construct} before character ${this.at} is not supported`,
      },
      "regex",
    );
  }

  /** The next character, "" at the end. */
  peek(): string {
    const code = this.pattern.codePointAt(this.at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  next(): string {
    const char = this.peek();
    if (char === "") this.refuse("an end of the pattern");
    this.at += char.length;
    return char;
  }

  accept(text: string): boolean {
    if (!this.pattern.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Takes what a sticky pattern finds here. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.pattern);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  /** Parses inside of brackets; a pattern nested deeper than any real one is refused. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > 64) this.refuse("nesting deeper than 64");
    const value = parse();
    this.#depth--;
    return value;
  }

  /**
   * A character of the pattern as a set: itself, and its other cases where case is ignored. Only ASCII letters may ignore it: accented
   * and foreign ones have partners that this does not list.
   */
  literal(code: number): Ranges {
    const char = String.fromCodePoint(code);
    if (!this.ignoreCase || char.toLowerCase() === char.toUpperCase()) return [code, code];
    if (code > 0x7f) return this.refuse(`"${char}" with case ignored`);
    const lower = code | 0x20;
    const pair = [lower - 0x20, lower - 0x20, lower, lower];
    // U+017F is a long s and U+212A the sign for kelvin; both fold to ASCII letters.
    if (lower === 0x73) return [...pair, 0x17f, 0x17f];
    return lower === 0x6b ? [...pair, 0x212a, 0x212a] : pair;
  }
}
