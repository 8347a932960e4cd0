/** What a tokenizer does; made by `loadTokenizer` from a checkpoint's tokenizer.json (and tokenizer_config.json beside it). */
export interface Tokenizer {
  /** One more than the greatest token id. */
  readonly vocabSize: number;
  /**
   * Text to ids. By default text is only ever text: "<|end|>" typed by a user becomes the ids of its characters.
   * @throws OptionError for an unknown option
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Ids of the joined text of `segments`, where control tokens are recognized only inside segments with `control: true` (one that
   * would reach into another kind of segment is text). Equal to `encode(joined, { parseSpecialTokens: true })` whenever the
   * other segments hold no control token: what an added token strips, it strips across the border of a segment too.
   * @throws OptionError for an unknown option
   */
  encodeSegments(segments: readonly TextSegment[], options?: SegmentOptions): number[];
  /** Ids to text. @throws TokenizerError for an id that is not in the vocabulary */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /**
   * A decoder for ids that arrive one by one; it never gives out half a character. Ids that the vocabulary does not have (a model may
   * have more rows than its tokenizer has tokens) give no text.
   */
  stream(options?: DecodeOptions): TokenStream;
  /** The id of a token by its exact content in the vocabulary or among the added tokens, or undefined. */
  idOf(token: string): number | undefined;
  /** The token of an id as the vocabulary writes it, or undefined. */
  tokenOf(id: number): string | undefined;
  /** The added tokens of the file, in the order of their ids. */
  readonly addedTokens: readonly AddedToken[];
  /** tokenizer_config.json as parsed, where it was there (chat template, bos and eos tokens). */
  readonly config?: Readonly<Record<string, unknown>>;
  /** generation_config.json as parsed, where it was there (stop tokens). */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** The published chat template (Jinja text), from tokenizer_config.json or chat_template.jinja, where it was there. */
  readonly chatTemplate?: string;
}

/** Options of {@link Tokenizer.encode}. */
export interface EncodeOptions {
  /** Add what the post-processor adds around plain text (such as a BOS). Default: true, which for most Phi files adds nothing. */
  addSpecialTokens?: boolean;
  /** Let added tokens that are not white space (control tokens) be recognized in the text, as Hugging Face does. Default: false. */
  parseSpecialTokens?: boolean;
}

/** A piece of a text that somebody composes of markup and of what users wrote. */
export interface TextSegment {
  text: string;
  /** True for markup, in which control tokens are recognized; false for text of users and documents, in which they never are. */
  control: boolean;
}

/** Options of {@link Tokenizer.encodeSegments}. */
export interface SegmentOptions {
  /** Add what the post-processor adds around plain text. Default: false, since a chat format writes its own. */
  addSpecialTokens?: boolean;
}

/** Options of {@link Tokenizer.decode} and {@link Tokenizer.stream}. */
export interface DecodeOptions {
  /** Leave special tokens out of the text. Default: false. */
  skipSpecialTokens?: boolean;
}

/** Ids in, one by one, and text out. */
export interface TokenStream {
  /** Text that has become certain by this id; often "", never half a character. */
  push(id: number): string;
  /** What is left when no more ids come. */
  end(): string;
}

/** A token that is found in a text before it is split, such as "<|end|>". */
export interface AddedToken {
  id: number;
  /** Its text. */
  content: string;
  /** As the file marks it; `skipSpecialTokens` goes by this. */
  special: boolean;
  /** It takes the white space on its left with it. */
  lstrip: boolean;
  /** It takes the white space on its right with it. */
  rstrip: boolean;
  /** It is found only where no word character (letter, digit, underscore) touches it. */
  singleWord: boolean;
  /** It is looked for in the normalized text, not in the text as given. */
  normalized: boolean;
}
