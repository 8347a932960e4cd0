import type { PhiError } from "../errors.ts";
import { attempt, Faults } from "../faults.ts";
import { readAddedTokens } from "./added-tokens.ts";
import { compileModel } from "./bpe.ts";
import { compileDecoders } from "./decoders.ts";
import { asObject, flatten } from "./fields.ts";
import { compileNormalizer } from "./normalizers.ts";
import { compilePostProcessor } from "./post-processors.ts";
import { compilePreTokenizer } from "./pre-tokenizers.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";

/** Everything for which `createTokenizer` would refuse these files, where it names the first only; [] if nothing. */
export function tokenizerFaults(files: TokenizerFiles): PhiError[] {
  const faults = new Faults();
  const { tell } = faults;
  const file = attempt(tell, () => asObject(files.tokenizer, "tokenizer.json"));
  if (!file) return faults.list;
  // Part by part, each of a sequence alone.
  const each = (value: unknown, name: string, list: string, compile: (part: unknown) => unknown) => {
    for (const [part] of attempt(tell, () => flatten(value, name, list)) ?? []) attempt(tell, () => compile(part));
  };
  each(file.normalizer, "normalizer", "normalizers", compileNormalizer);
  each(file.pre_tokenizer, "pre_tokenizer", "pretokenizers", compilePreTokenizer);
  each(file.post_processor, "post_processor", "processors", compilePostProcessor);
  each(file.decoder, "decoder", "decoders", compileDecoders);
  const model = attempt(tell, () => compileModel(asObject(file.model, "model")));
  if (model) attempt(tell, () => readAddedTokens(file.added_tokens, undefined, model.vocab));
  // What no part shows by itself.
  if (faults.list.length === 0) attempt(tell, () => createTokenizer(files));
  return faults.list;
}

/** What kind of tokenizer a tokenizer.json describes, as far as it can be told of any. */
export interface TokenizerKind {
  /** "BPE", or what else the file names. */
  type: string;
  /** What is merged: bytes, or characters with bytes for those that the vocabulary lacks. */
  units: "bytes" | "characters, else bytes" | "characters";
  /** Entries of the vocabulary, added tokens aside. */
  vocabulary: number;
  merges: number;
  addedTokens: number;
}

/** @returns undefined for what is no tokenizer.json at all */
export function tokenizerKind(tokenizer: unknown): TokenizerKind | undefined {
  const json = (value: unknown) =>
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const size = (value: unknown) => (Array.isArray(value) ? value.length : Object.keys(json(value)).length);
  const { model, added_tokens, pre_tokenizer, decoder } = json(tokenizer);
  const { type = "BPE", vocab, merges, byte_fallback } = json(model);
  if (vocab === undefined) return undefined;
  const steps = (value: unknown, list: string) =>
    attempt(
      () => {},
      () => flatten(value, list, list),
    ) ?? [];
  const parts = [...steps(pre_tokenizer, "pretokenizers"), ...steps(decoder, "decoders")];
  const bytes = parts.some(([part]) => part.type === "ByteLevel");
  const units = bytes ? "bytes" : byte_fallback === true ? "characters, else bytes" : "characters";
  return {
    type: `${type}`.slice(0, 80),
    units,
    vocabulary: size(vocab),
    merges: size(merges),
    addedTokens: size(added_tokens),
  };
}
