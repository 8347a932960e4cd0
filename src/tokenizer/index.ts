/**
 * Text to token ids and back, from the tokenizer.json of a checkpoint, and conversations as a Phi model reads them.
 *
 * - {@link loadTokenizer} reads a folder (or parsed files) and gives a {@link Tokenizer}: `encode`, `decode`, `stream`. Ids equal Hugging
 *   Face's. Text is only ever text: "<|end|>" typed by a user becomes the ids of its characters, unless `parseSpecialTokens` is set.
 * - {@link renderChat} writes messages in the model's chat format, with tools where the format has a place for them, and reports in
 *   `dropped` what the published template leaves out or changes (Phi-3-medium's drops the system turn, for one).
 * - {@link chatFormatOf} tells the format, found by reading the chat template (no template is ever run) and the markers of the
 *   vocabulary; undefined for base models, which get a plain completion.
 * - {@link formatChat} does the same without a vocabulary: messages to segments of markup and of text, for `encodeSegments`.
 * - {@link stopTokensOf} gives the tokens that end an answer, each with who says so.
 *
 * @example
 * const tokenizer = await loadTokenizer("models/phi-tiny");
 * const { text, ids, dropped } = renderChat(tokenizer, [{ role: "user", content: "What is 12 + 30?" }]);
 * // text: "<|user|>What is 12 + 30?<|end|><|assistant|>"
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
