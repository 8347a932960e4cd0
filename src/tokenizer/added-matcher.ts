import { CharSet, isBlank, isSpace, union, wordCharacters } from "./char-set.ts";
import type { AddedToken } from "./types.ts";

/** A part of a text: an added token, or the text from `start` to `end`. */
export type Section = { id: number } | { start: number; end: number };

/** Where control tokens may be recognized: [start, end, start, end, …], in order, not touching each other. */
export type Regions = readonly number[];

interface Node {
  next: Map<number, Node>;
  token?: AddedToken;
  /** The token is white space, and no control token. */
  blank?: boolean;
}

/**
 * Finds added tokens in a text, as HF's `tokenizers` does (added_vocabulary.rs): leftmost, of these the longest, not overlapping; then
 * each match may take the white space around it (lstrip, rstrip). A token of white space that lies in what another has taken is
 * found all the same, and is there twice: so it is in HF. Tokens that are not white space are control tokens, and are found in their
 * regions only.
 */
export class AddedMatcher {
  readonly #root: Node = { next: new Map() };
  readonly #hasBlank: boolean;
  #words: CharSet | undefined;

  /** @param tokens with the text by which each is found, its own or as the normalizer makes it; of equal texts the first counts */
  constructor(tokens: readonly { token: AddedToken; text: string }[]) {
    this.#hasBlank = tokens.some(({ token }) => isBlank(token.content));
    for (const { token, text } of tokens) {
      if (text === "") continue;
      let node = this.#root;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        const child: Node = node.next.get(unit) ?? { next: new Map() };
        node.next.set(unit, child);
        node = child;
      }
      node.token ??= token;
      node.blank = isBlank(node.token.content);
    }
  }

  /** True if nothing can be found in a text with these regions. */
  isIdle(control: Regions): boolean {
    return this.#root.next.size === 0 || (control.length === 0 && !this.#hasBlank);
  }

  split(text: string, control: Regions): Section[] {
    if (this.isIdle(control)) return text === "" ? [] : [{ start: 0, end: text.length }];
    const out: Section[] = [];
    let done = 0;
    let region = 0;
    for (let at = 0; at < text.length; ) {
      while (region < control.length && control[region + 1] <= at) region += 2;
      const limit = region < control.length && control[region] <= at ? control[region + 1] : -1;
      const found = this.#longest(text, at, limit);
      if (!found) {
        at++;
        continue;
      }
      const { token, end } = found;
      if (!token.singleWord || this.#isWord(text, at, end)) {
        let start = at;
        let stop = end;
        if (token.lstrip) {
          while (start > done && isSpace(text.charCodeAt(start - 1))) start--;
          start = Math.max(start, done);
        }
        if (token.rstrip) while (stop < text.length && isSpace(text.charCodeAt(stop))) stop++;
        if (done < start) out.push({ start: done, end: start });
        out.push({ id: token.id });
        done = stop;
      }
      at = end;
    }
    if (done !== text.length) out.push({ start: done, end: text.length });
    return out;
  }

  #longest(text: string, at: number, limit: number): { token: AddedToken; end: number } | undefined {
    let node = this.#root.next.get(text.charCodeAt(at));
    let found: { token: AddedToken; end: number } | undefined;
    for (let end = at + 1; node; end++) {
      const { token } = node;
      if (token && (end <= limit || node.blank)) found = { token, end };
      node = end < text.length ? node.next.get(text.charCodeAt(end)) : undefined;
    }
    return found;
  }

  /** No word character stands right before or behind. */
  #isWord(text: string, start: number, end: number): boolean {
    // Rust's \w: that of Oniguruma and the two joiners.
    this.#words ??= new CharSet(union(wordCharacters(), [0x200c, 0x200d]));
    const before = start > 0 ? codeBefore(text, start) : undefined;
    const after = text.codePointAt(end);
    return !(before !== undefined && this.#words.has(before)) && !(after !== undefined && this.#words.has(after));
  }
}

function codeBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return (unit & 0xfc00) === 0xdc00 && at > 1 ? (text.codePointAt(at - 2) as number) : unit;
}
