import { OptionError, TokenizerError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { AddedMatcher, type Regions, type Section } from "./added-matcher.ts";
import { readAddedTokens } from "./added-tokens.ts";
import { type Bpe, compileModel } from "./bpe.ts";
import { compileDecoders, type Decoder, decodeTokens } from "./decoders.ts";
import { asObject, asString, type Fields, malformed } from "./fields.ts";
import { compileNormalizer, type Normalizer } from "./normalizers.ts";
import { compilePostProcessor, type Frame } from "./post-processors.ts";
import { compilePreTokenizer, type PreTokenizer } from "./pre-tokenizers.ts";
import { joinSegments, normalizedRegions } from "./segments.ts";
import { decodeStream } from "./stream.ts";
import type {
  AddedToken,
  DecodeOptions,
  EncodeOptions,
  SegmentOptions,
  TextSegment,
  Tokenizer,
  TokenStream,
} from "./types.ts";

/** Files of a tokenizer as JSON.parse gives them. */
export interface TokenizerFiles {
  /** tokenizer.json */
  tokenizer: unknown;
  /** tokenizer_config.json */
  tokenizerConfig?: unknown;
  /** The text of chat_template.jinja; it goes before the template in tokenizer_config.json. */
  chatTemplate?: string;
  /** generation_config.json */
  generationConfig?: unknown;
}

/**
 * A tokenizer from its parsed files. It gives the same ids as Hugging Face's `tokenizers` does from the same tokenizer.json; the file's
 * `truncation` and `padding` are left aside, as transformers does unless asked: no text is cut off.
 * @throws FormatError for a malformed file
 * @throws TokenizerError (code "unsupported" or "regex") for a part that is not built, by its name
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  return new BpeTokenizer(files);
}

class BpeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly addedTokens: readonly AddedToken[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  readonly chatTemplate?: string;
  readonly #model: Bpe;
  readonly #normalize: Normalizer | undefined;
  readonly #preTokenizer: PreTokenizer;
  readonly #frame: Frame;
  readonly #decoders: readonly Decoder[];
  readonly #addedById: ReadonlyMap<number, AddedToken>;
  /** What the decoder sees of an added token: its content, normalized if the token is. */
  readonly #writtenById: ReadonlyMap<number, string>;
  readonly #addedByText: ReadonlyMap<string, AddedToken>;
  /** Added tokens that are looked for in the text as it stands, and those looked for after the normalizer. */
  readonly #rawMatcher: AddedMatcher;
  readonly #normalizedMatcher: AddedMatcher;

  constructor(files: TokenizerFiles) {
    const file = asObject(files.tokenizer, "tokenizer.json");
    if (file.version !== undefined && file.version !== "1.0") malformed("version", file.version, '"1.0"');
    if (files.tokenizerConfig !== undefined) this.config = asObject(files.tokenizerConfig, "tokenizer_config.json");
    if (files.generationConfig !== undefined)
      this.generationConfig = asObject(files.generationConfig, "generation_config.json");
    this.chatTemplate = files.chatTemplate ?? templateOf(this.config);
    this.#normalize = compileNormalizer(file.normalizer);
    this.#preTokenizer = compilePreTokenizer(file.pre_tokenizer);
    this.#frame = compilePostProcessor(file.post_processor);
    this.#decoders = compileDecoders(file.decoder);
    this.#model = compileModel(asObject(file.model, "model"));
    const { vocab } = this.#model;
    this.addedTokens = readAddedTokens(file.added_tokens, this.config?.added_tokens_decoder, vocab);
    this.#addedById = new Map(this.addedTokens.map((token) => [token.id, token]));
    this.#addedByText = new Map(this.addedTokens.map((token) => [token.content, token]));
    const greatest = this.addedTokens[this.addedTokens.length - 1]?.id ?? 0;
    this.vocabSize = Math.max(vocab.tokens.length, greatest + 1);
    const normalize = this.#normalize ?? ((text: string) => text);
    // Of two tokens with the same text after the normalizer a special one counts, as in HF.
    const order = [...this.addedTokens].sort((a, b) => Number(b.special) - Number(a.special));
    const raw = order.filter((token) => !token.normalized).map((token) => ({ token, text: token.content }));
    const normalized = order
      .filter((token) => token.normalized)
      .map((token) => ({ token, text: normalize(token.content) }));
    this.#rawMatcher = new AddedMatcher(raw);
    this.#normalizedMatcher = new AddedMatcher(normalized);
    this.#writtenById = new Map([...raw, ...normalized].map(({ token, text }) => [token.id, text]));
  }

  encode(text: string, options?: EncodeOptions): number[] {
    checkOptions("encode", options, ["addSpecialTokens", "parseSpecialTokens"]);
    const control = flag("encode", "parseSpecialTokens", options?.parseSpecialTokens, false);
    const frame = flag("encode", "addSpecialTokens", options?.addSpecialTokens, true);
    return this.#encode([{ text, control }], frame);
  }

  encodeSegments(segments: readonly TextSegment[], options?: SegmentOptions): number[] {
    checkOptions("encodeSegments", options, ["addSpecialTokens"]);
    return this.#encode(segments, flag("encodeSegments", "addSpecialTokens", options?.addSpecialTokens, false));
  }

  #encode(segments: readonly TextSegment[], frame: boolean): number[] {
    const { text, control } = joinSegments(segments);
    const out: number[] = frame ? [...this.#frame.before] : [];
    for (const section of this.#rawMatcher.split(text, control)) {
      if ("id" in section) out.push(section.id);
      else this.#encodeSection(text, section, control, out);
    }
    if (frame) out.push(...this.#frame.after);
    return out;
  }

  /** A part of the text between added tokens: the normalizer, then the other added tokens, then words. */
  #encodeSection(
    text: string,
    { start, end }: Exclude<Section, { id: number }>,
    control: Regions,
    out: number[],
  ): void {
    const raw = text.slice(start, end);
    const normalized = this.#normalize ? this.#normalize(raw) : raw;
    const matcher = this.#normalizedMatcher;
    const regions = matcher.isIdle(control) ? [] : normalizedRegions(raw, start, control, this.#normalize);
    for (const section of matcher.split(normalized, regions)) {
      if ("id" in section) out.push(section.id);
      else this.#encodeWords(normalized.slice(section.start, section.end), start + section.start === 0, out);
    }
  }

  #encodeWords(text: string, first: boolean, out: number[]): void {
    const { bytes } = this.#preTokenizer;
    this.#preTokenizer.run(text, first, (word) => this.#model.encode(word, bytes, out));
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    checkOptions("decode", options, ["skipSpecialTokens"]);
    const skip = flag("decode", "skipSpecialTokens", options?.skipSpecialTokens, false);
    if (typeof ids !== "object" || typeof ids?.length !== "number")
      throw new OptionError({ what: "ids to decode", got: ids, expected: "an array of integers" });
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const token = typeof ids[i] === "number" ? this.#writtenOf(ids[i]) : undefined;
      if (token === undefined) throw this.#unknownId(ids[i]);
      if (!(skip && this.#addedById.get(ids[i])?.special)) tokens.push(token);
    }
    return decodeTokens(this.#decoders, tokens);
  }

  stream(options?: DecodeOptions): TokenStream {
    checkOptions("stream", options, ["skipSpecialTokens"]);
    const skip = flag("stream", "skipSpecialTokens", options?.skipSpecialTokens, false);
    return decodeStream(this.#decoders, (id) => {
      if (!Number.isInteger(id) || id < 0) throw this.#unknownId(id);
      return skip && this.#addedById.get(id)?.special ? undefined : this.#writtenOf(id);
    });
  }

  #writtenOf(id: number): string | undefined {
    return this.#writtenById.get(id) ?? this.#model.vocab.tokens[id];
  }

  idOf(token: string): number | undefined {
    return this.#addedByText.get(token)?.id ?? this.#model.vocab.ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#addedById.get(id)?.content ?? this.#model.vocab.tokens[id];
  }

  #unknownId(id: unknown): TokenizerError {
    return new TokenizerError(
      { what: "token id", got: id, expected: `an id of the vocabulary, below ${this.vocabSize}` },
      "unknown_id",
    );
  }
}

function flag(where: string, name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return value;
  throw new OptionError({ what: `${where}: option "${name}"`, got: value, expected: "true or false" });
}

/** The chat template in tokenizer_config.json: a text, or a list of named ones of which "default" counts. */
function templateOf(config: Fields | undefined): string | undefined {
  const template = config?.chat_template;
  if (template === undefined || template === null) return undefined;
  if (!Array.isArray(template)) return asString(template, "chat_template of tokenizer_config.json");
  const named = template.map((item, i) => asObject(item, `chat_template[${i}] of tokenizer_config.json`));
  const chosen = named.find((item) => item.name === "default")?.template;
  return chosen === undefined ? undefined : asString(chosen, "the default chat_template of tokenizer_config.json");
}
