/**
 * Vocabularies as tiktoken writes them, a line `base64 rank` for each token: Phi-3-small has cl100k_base.tiktoken in place of a tokenizer.json. What is not
 * in the file (the pattern that cuts words, the special tokens) stands here.
 * Source: openai/tiktoken (load.py, openai_public.py, src/lib.rs); tokenization_phi3_small.py of microsoft/Phi-3-small-8k-instruct.
 */
import { FormatError } from "../errors.ts";
import { CHAR_OF_BYTE } from "./byte-level.ts";
import type { Fields } from "./fields.ts";
import type { MergeRules } from "./merges.ts";
import type { Vocab } from "./vocab.ts";

/** The file that Phi-3-small has. */
export const RANK_FILE = "cl100k_base.tiktoken";

/** The type of a model whose merges are its ranks; no file of Hugging Face has it. */
export const RANKS = "tiktoken";

/** A rank and a place in a word share one float64 (bpe-merge.ts). */
const MAX_RANKS = 2 ** 21;

/** cl100k_base: contractions, words with what may stand before them, up to three digits, other signs, line breaks, white space. */
const CL100K =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const STEP = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };

/**
 * The tokenizer.json that a rank file stands for, with Phi-3-small's special tokens behind its ranks.
 * @throws FormatError (code "tokenizer_format") for a line that is none, a token or a rank that comes twice, or bytes that are no token
 */
export function tokenizerOfRanks(text: string, file: string): Fields {
  const vocab = readRanks(text, file);
  const split = { type: "Split", pattern: { Regex: CL100K }, behavior: "Isolated", invert: false };
  return {
    version: "1.0",
    added_tokens: specialTokens(vocab.size).map(([content, id]) => ({ id, content, special: true, normalized: false })),
    pre_tokenizer: { type: "Sequence", pretokenizers: [split, STEP] },
    decoder: STEP,
    model: { type: RANKS, vocab: Object.fromEntries(vocab) },
  };
}

/** Ids by the tokens' bytes, each written as its character of byte-level vocabularies. */
function readRanks(text: string, file: string): Map<string, number> {
  const vocab = new Map<string, number>();
  const taken = new Set<number>();
  const wrong = (what: string, got: unknown, expected: string): never => {
    throw new FormatError({ what, file, got, expected }, "tokenizer_format");
  };
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const [, base64, digits] =
      /^([A-Za-z0-9+/]+={0,2}) (\d{1,7})$/.exec(line) ?? wrong(`line ${i + 1}`, line, "base64 and a rank");
    const rank = Number(digits);
    const token = byteChars(base64) ?? wrong(`line ${i + 1}`, base64, "base64");
    if (vocab.has(token)) wrong(`line ${i + 1}: this token came before`, base64, "each token once");
    if (taken.has(rank) || rank >= MAX_RANKS)
      wrong(`line ${i + 1}: rank`, rank, `a rank of its own, below ${MAX_RANKS}`);
    vocab.set(token, rank);
    taken.add(rank);
  }
  const missing = CHAR_OF_BYTE.findIndex((char) => !vocab.has(char));
  if (missing >= 0) wrong("this byte is no token", missing, "all 256 of them");
  const gap = Array.from(taken.keys()).findIndex((_, rank) => !taken.has(rank));
  if (gap >= 0) wrong("no token has this rank", gap, `ranks from 0 to ${vocab.size - 1}`);
  return vocab;
}

/** base64 as byte-level characters; undefined if it is none. */
function byteChars(base64: string): string | undefined {
  try {
    let chars = "";
    const bytes = atob(base64);
    for (let i = 0; i < bytes.length; i++) chars += CHAR_OF_BYTE[bytes.charCodeAt(i)];
    return chars;
  } catch {
    return undefined;
  }
}

/** What Phi-3-small has behind the N ranks, by what is added to N: 96 tokens, most of which only fill the vocabulary up. */
function specialTokens(N: number): [string, number][] {
  const named: Readonly<Record<number, string>> = {
    ...{ 1: "endoftext", 2: "fim_prefix", 3: "fim_middle", 4: "fim_suffix", 5: "system", 6: "user", 7: "assistant" },
    ...{ 0: "dummy_id_2", 8: "dummy_id_0", 9: "dummy_id_1", 10: "end", 20: "endofprompt" },
  };
  // Places 11 to 19 are dummies 3 to 11, places 21 to 95 dummies 12 to 86.
  const dummy = (place: number) => `dummy_id_${place < 20 ? place - 8 : place - 9}`;
  return Array.from({ length: 96 }, (_, place) => [`<|${named[place] ?? dummy(place)}|>`, N + place]);
}

/**
 * tiktoken's merges: any two neighbours whose bytes together are a token become it, and the token of the lowest rank comes first. Asked of the
 * vocabulary itself: a table of all pairs would be several times as large, and takes longer to make than most texts to encode.
 */
export class RankMerges implements MergeRules {
  /** A rank is its token's id. */
  readonly result: Int32Array;
  readonly #vocab: Vocab;

  constructor(vocab: Vocab) {
    this.#vocab = vocab;
    this.result = Int32Array.from(vocab.tokens, (_, rank) => rank);
  }

  rankOf(left: number, right: number): number {
    const { tokens, ids } = this.#vocab;
    return ids.get(`${tokens[left]}${tokens[right]}`) ?? -1;
  }
}
