/**
 * Text to token ids and back, from the tokenizer.json of a checkpoint; conversations as its model was trained to read them.
 * @module
 */
export * from "./chat/index.ts";
export { loadTokenizer } from "./load.ts";
export { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
export type {
  AddedToken,
  DecodeOptions,
  EncodeOptions,
  SegmentOptions,
  TextSegment,
  Tokenizer,
  TokenStream,
} from "./types.ts";
