import { TokenizerError } from "../errors.ts";
import { mergeAll } from "./bpe-merge.ts";
import { CHAR_OF_BYTE, toByteChars } from "./byte-level.ts";
import { asBoolean, asString, type Fields, malformed } from "./fields.ts";
import { type MergeRules, readMerges } from "./merges.ts";
import { RANKS, RankMerges } from "./tiktoken.ts";
import { readVocab, type Vocab } from "./vocab.ts";
import { WordCache } from "./word-cache.ts";

interface Settings {
  /** Id of the token for characters that the vocabulary lacks, or -1: they are left out. */
  unk: number;
  /** One unknown token for a run of unknown characters. */
  fuseUnk: boolean;
  /** Unknown characters become the tokens "<0x00>" to "<0xFF>" of their UTF-8 bytes, if the vocabulary has them. */
  byteFallback: boolean;
  /** A word that is a token as a whole is that token, whatever the merges say. */
  ignoreMerges: boolean;
}

const encoder = new TextEncoder();

/** A byte-pair encoding model: byte-level (GPT-2 and after) or by characters with byte fallback (Llama). HF: models/bpe. */
export class Bpe {
  readonly vocab: Vocab;
  readonly #merges: MergeRules;
  readonly #settings: Settings;
  readonly #cache = new WordCache();
  /** Id of each byte's character, -1 for those that the vocabulary lacks. */
  readonly #byteIds: Int32Array;
  readonly #hasAllBytes: boolean;
  /** Id by code point, of tokens of one character. */
  readonly #charIds = new Map<number, number>();
  /** Ids of "<0x00>" to "<0xFF>", -1 for those that the vocabulary lacks. */
  readonly #fallbackIds: Int32Array;

  constructor(vocab: Vocab, merges: MergeRules, settings: Settings) {
    this.vocab = vocab;
    this.#merges = merges;
    this.#settings = settings;
    this.#byteIds = Int32Array.from(CHAR_OF_BYTE, (char) => vocab.ids.get(char) ?? -1);
    this.#hasAllBytes = this.#byteIds.every((id) => id >= 0);
    this.#fallbackIds = Int32Array.from({ length: 256 }, (_, byte) => {
      return vocab.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`) ?? -1;
    });
    for (const [token, id] of vocab.ids) {
      const code = token.codePointAt(0);
      if (code !== undefined && token.length === (code > 0xffff ? 2 : 1)) this.#charIds.set(code, id);
    }
  }

  /**
   * Appends the ids of a word to `out`.
   * @param bytes the word's UTF-8 bytes are encoded, each as its character of byte-level vocabularies
   */
  encode(word: string, bytes: boolean, out: number[]): void {
    let tokens = this.#cache.get(word);
    if (!tokens) {
      tokens = this.#encode(word, bytes);
      this.#cache.set(word, tokens);
    }
    for (const id of tokens) out.push(id);
  }

  #encode(word: string, bytes: boolean): readonly number[] {
    const chars = bytes && (this.#settings.ignoreMerges || !this.#hasAllBytes) ? toByteChars(word) : word;
    if (this.#settings.ignoreMerges) {
      const whole = this.vocab.ids.get(chars);
      if (whole !== undefined) return [whole];
    }
    const symbols = bytes && this.#hasAllBytes ? this.#fromBytes(word) : this.#fromChars(chars);
    const count = mergeAll(symbols, symbols.length, this.#merges);
    return Array.from(symbols.subarray(0, count));
  }

  #fromBytes(word: string): Int32Array {
    return Int32Array.from(encoder.encode(word), (byte) => this.#byteIds[byte]);
  }

  #fromChars(word: string): Int32Array {
    const { unk, fuseUnk, byteFallback } = this.#settings;
    const ids: number[] = [];
    let unknown = false;
    for (let at = 0; at < word.length; ) {
      const code = word.codePointAt(at) as number;
      const width = code > 0xffff ? 2 : 1;
      const id = this.#charIds.get(code);
      if (id !== undefined) {
        // An unknown token waits for the next known character, since others may join it.
        if (unknown) ids.push(unk);
        unknown = false;
        ids.push(id);
      } else if (!(byteFallback && this.#fallBack(word.slice(at, at + width), ids)) && unk >= 0) {
        if (unknown && !fuseUnk) ids.push(unk);
        unknown = true;
      }
      at += width;
    }
    if (unknown) ids.push(unk);
    return Int32Array.from(ids);
  }

  /** Appends the byte tokens of a character, if the vocabulary has them all. */
  #fallBack(char: string, ids: number[]): boolean {
    const bytes = encoder.encode(char);
    if (!bytes.every((byte) => this.#fallbackIds[byte] >= 0)) return false;
    for (const byte of bytes) ids.push(this.#fallbackIds[byte]);
    return true;
  }
}

/** @throws TokenizerError for a model that is not supported @throws FormatError for a malformed one */
export function compileModel(model: Fields): Bpe {
  const unsupported = (what: string): never => {
    throw new TokenizerError({ what: `tokenizer.json: model: ${what} is not supported` }, "unsupported");
  };
  if (model.type === RANKS) {
    const vocab = readVocab(model);
    return new Bpe(vocab, new RankMerges(vocab), { unk: -1, fuseUnk: false, byteFallback: false, ignoreMerges: true });
  }
  // The oldest files do not say their type; only BPE has merges.
  const type = model.type ?? (model.merges === undefined ? "of no type" : "BPE");
  if (type !== "BPE") unsupported(`the model "${String(type)}"`);
  if (model.dropout !== undefined && model.dropout !== null && model.dropout !== 0) unsupported("dropout");
  if (model.continuing_subword_prefix) unsupported("a continuing_subword_prefix");
  if (model.end_of_word_suffix) unsupported("an end_of_word_suffix");
  const vocab = readVocab(model);
  return new Bpe(vocab, readMerges(model, vocab), {
    unk: unkOf(model, vocab),
    fuseUnk: asBoolean(model.fuse_unk, "model.fuse_unk", false),
    byteFallback: asBoolean(model.byte_fallback, "model.byte_fallback", false),
    ignoreMerges: asBoolean(model.ignore_merges, "model.ignore_merges", false),
  });
}

function unkOf(model: Fields, vocab: Vocab): number {
  if (model.unk_token === undefined || model.unk_token === null) return -1;
  const token = asString(model.unk_token, "model.unk_token");
  return vocab.ids.get(token) ?? malformed("model.unk_token", token, "a token of the vocabulary");
}
