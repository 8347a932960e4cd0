import { TokenizerError } from "../../../errors.ts";

/** GPT-2's own pattern is built into the byte-level step. */
const GPT2 = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

/** The pattern of tiktoken's cl100k_base, as Phi-4's tokenizer.json has it. */
const CL100K =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** The pattern of tiktoken's o200k_base, as Phi-4-mini's tokenizer.json has it: words by the case of their letters, and suffixes. */
const [UPPER, LOWER] = ["\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}", "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}"];
const SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
const O200K = [
  `[^\\r\\n\\p{L}\\p{N}]?[${UPPER}]*[${LOWER}]+${SUFFIX}`,
  `[^\\r\\n\\p{L}\\p{N}]?[${UPPER}]+[${LOWER}]*${SUFFIX}`,
  "\\p{N}{1,3}",
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
  "\\s*[\\r\\n]+",
  "\\s+(?!\\S)",
  "\\s+",
].join("|");

/**
 * By the names that llama.cpp's converter gives to the pre-tokenizers which it knows by a hash: of Phi's models Phi-2 has "phi-2", Phi-4
 * "dbrx", Phi-4-mini "gpt-4o". The others are names of the same patterns. Source: llama_vocab's pre-tokenizer types in llama-vocab.cpp.
 */
const PATTERNS: Readonly<Record<string, string | undefined>> = {
  "gpt-2": undefined,
  "phi-2": undefined,
  dbrx: CL100K,
  "smaug-bpe": CL100K,
  "llama-bpe": CL100K,
  llama3: CL100K,
  "gpt-4o": O200K,
};

/** The pre_tokenizer of a tokenizer.json. @throws TokenizerError (code "unsupported") for a name that is not known */
export function preTokenizerOf(name: string | undefined, file: string): Record<string, unknown> {
  if (name === undefined || !Object.hasOwn(PATTERNS, name)) {
    const what = "tokenizer.ggml.pre names a pre-tokenizer that is not supported";
    throw new TokenizerError({ what, file, got: name, expected: Object.keys(PATTERNS).join(", ") }, "unsupported");
  }
  const pattern = PATTERNS[name];
  if (pattern === undefined) return GPT2;
  const split = { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, { ...GPT2, use_regex: false }] };
}
