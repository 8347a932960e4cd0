/**
 * Text to token ids and back, from the tokenizer.json of a checkpoint.
 * @module
 */
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
