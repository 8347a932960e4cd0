import { asArray, type Fields, malformed } from "./fields.ts";
import type { Vocab } from "./vocab.ts";

/** A rank and a place in a word share one float64 (see bpe-merge.ts), which leaves 21 bits for the rank. */
const MAX_MERGES = 2 ** 21;

/** Which two tokens become which, and in what order of preference. */
export interface MergeRules {
  /** The rank of the merge of two tokens, or -1. Lower ranks go first. */
  rankOf(left: number, right: number): number;
  /** The token that the merge of each rank makes. */
  readonly result: Int32Array;
}

/** The merges of a BPE model as tokenizer.json lists them. */
export class Merges implements MergeRules {
  readonly result: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  /** Open addressing: rank + 1 of the pair that hashes here, or 0. */
  readonly #slots: Int32Array;

  constructor(left: Int32Array, right: Int32Array, result: Int32Array) {
    this.#left = left;
    this.#right = right;
    this.result = result;
    let capacity = 16;
    while (capacity < 2 * left.length) capacity *= 2;
    this.#slots = new Int32Array(capacity);
    for (let rank = 0; rank < left.length; rank++) {
      // Of two merges of the same pair the later counts, as in HF's hash map.
      this.#slots[this.#slotOf(left[rank], right[rank])] = rank + 1;
    }
  }

  rankOf(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right)] - 1;
  }

  /** Where the pair is, or where it would be. */
  #slotOf(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & mask;
    for (;;) {
      const rank = this.#slots[slot] - 1;
      if (rank < 0 || (this.#left[rank] === left && this.#right[rank] === right)) return slot;
      slot = (slot + 1) & mask;
    }
  }
}

/** Merges are written "a b" in older files and ["a", "b"] in newer ones. @throws FormatError for a merge of or into unknown tokens */
export function readMerges(model: Fields, vocab: Vocab): Merges {
  const list = asArray(model.merges, "model.merges").filter(
    (m) => !(typeof m === "string" && m.startsWith("#version")),
  );
  if (list.length > MAX_MERGES) malformed("model.merges", `${list.length} merges`, `at most ${MAX_MERGES}`);
  const left = new Int32Array(list.length);
  const right = new Int32Array(list.length);
  const result = new Int32Array(list.length);
  // In most files each merge makes the token after that of the merge before: comparing with that is quicker than joining and looking up.
  let made = -1;
  for (let i = 0; i < list.length; i++) {
    const [a, b] = pairOf(list[i], i);
    made = isJoin(vocab.tokens[made + 1], a, b) ? made + 1 : idOf(vocab, a + b, i);
    left[i] = idOf(vocab, a, i);
    right[i] = idOf(vocab, b, i);
    result[i] = made;
  }
  return new Merges(left, right, result);
}

function isJoin(token: string | undefined, a: string, b: string): boolean {
  return token !== undefined && token.length === a.length + b.length && token.startsWith(a) && token.endsWith(b);
}

function idOf(vocab: Vocab, token: string, i: number): number {
  return vocab.ids.get(token) ?? malformed(`model.merges[${i}]`, token, "tokens of the vocabulary");
}

function pairOf(merge: unknown, i: number): readonly [string, string] {
  const parts = typeof merge === "string" ? merge.split(" ") : merge;
  if (Array.isArray(parts) && parts.length === 2 && typeof parts[0] === "string" && typeof parts[1] === "string")
    return parts as [string, string];
  return malformed(`model.merges[${i}]`, merge, 'two tokens, as "a b" or ["a", "b"]');
}
