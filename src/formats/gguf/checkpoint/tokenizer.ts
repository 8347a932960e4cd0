import { TokenizerError } from "../../../errors.ts";
import type { Gguf } from "../open.ts";
import { addedTokens } from "./added.ts";
import { architectureOf } from "./config.ts";
import { Fields } from "./fields.ts";
import { mergesOf } from "./merges.ts";
import { preTokenizerOf } from "./pre-tokenizers.ts";

/** tokenizer.ggml.token_type. Source: llama_token_type in llama.h. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE] = [1, 2, 3, 4, 5, 6];

const MARK = "▁";

/** Longest piece that may be cut into others; SentencePiece's own limit is 16 unless a training raises it, and Phi-3's longest has 16. */
const MAX_PIECE = 512;

/** The two files of a tokenizer. */
export interface TokenizerJson {
  tokenizer: Record<string, unknown>;
  config: Record<string, unknown>;
}

/**
 * The tokenizer.json and tokenizer_config.json that stand for a file's vocabulary, so that its ids are those of the model's own
 * tokenizer: byte-level BPE ("gpt2") with its merges and its pre-tokenizer's name, or SentencePiece BPE ("llama"), whose merges follow from the scores.
 * Source: the keys tokenizer.ggml.* in docs/gguf.md of ggml, and what conversion/base.py and conversion/phi.py of llama.cpp write.
 * @returns undefined for a file without a vocabulary
 * @throws TokenizerError (code "unsupported") for another kind of tokenizer, FormatError (gguf_value, gguf_missing) for lists that do not fit
 */
export function tokenizerOf(gguf: Gguf): TokenizerJson | undefined {
  const fields = new Fields(gguf);
  const kind = fields.maybeText("tokenizer.ggml.model");
  if (kind === undefined || kind === "none" || kind === "no_vocab") return undefined;
  const parts = partsOf(fields);
  if (kind === "gpt2") return { tokenizer: byteLevel(fields, parts), config: configOf(fields, parts, false) };
  if (kind === "llama") return { tokenizer: sentencePiece(fields, parts), config: configOf(fields, parts, true) };
  const what = "tokenizer.ggml.model names a tokenizer that is not supported";
  throw new TokenizerError({ what, file: fields.file, got: kind, expected: "gpt2, llama" }, "unsupported");
}

type Parts = ReturnType<typeof partsOf>;

/** The tokens by what they are. */
function partsOf(fields: Fields) {
  const tokens = fields.texts("tokenizer.ggml.tokens");
  const types = sameLength(fields, "tokenizer.ggml.token_type", tokens.length);
  const vocab = new Map<string, number>();
  const pieces = new Map<string, number>();
  const added = new Map<number, string>();
  const control = new Set<number>();
  tokens.forEach((token, id) => {
    const type = types?.[id] ?? NORMAL;
    if (type === CONTROL) control.add(id);
    if (type === UNUSED) return;
    if (type === CONTROL || type === USER_DEFINED || type === UNKNOWN) added.set(id, token);
    if (type === CONTROL || type === USER_DEFINED) return;
    if (vocab.has(token))
      fields.wrong(`tokenizer.ggml.tokens[${id}]`, token, `another text than token ${vocab.get(token)}`);
    vocab.set(token, id);
    if (type === NORMAL) pieces.set(token, id);
    else if (type !== BYTE && type !== UNKNOWN) fields.wrong(`tokenizer.ggml.token_type[${id}]`, type, "1 to 6");
  });
  return { tokens, vocab, pieces, added, control };
}

function sameLength(fields: Fields, key: string, length: number): ArrayLike<number> | undefined {
  const list = fields.maybeNumbers(key);
  if (list && list.length !== length) fields.wrong(key, `${list.length} values`, `${length}, one for each token`);
  return list;
}

function byteLevel(fields: Fields, parts: Parts): Record<string, unknown> {
  const step = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
  const pre = fields.maybeText("tokenizer.ggml.pre");
  return {
    version: "1.0",
    added_tokens: added(fields, parts),
    normalizer: null,
    pre_tokenizer: preTokenizerOf(pre, fields.file),
    post_processor: frameOf(fields, parts, false) ?? { ...step, trim_offsets: false },
    decoder: step,
    model: {
      type: "BPE",
      ignore_merges: pre === "llama-bpe" || pre === "llama3",
      vocab: Object.fromEntries(parts.vocab),
      merges: fields.texts("tokenizer.ggml.merges"),
    },
  };
}

function sentencePiece(fields: Fields, parts: Parts): Record<string, unknown> {
  const merges = fields.maybeTexts("tokenizer.ggml.merges");
  const scores = sameLength(fields, "tokenizer.ggml.scores", parts.tokens.length);
  if (!merges && !scores) fields.wrong("tokenizer.ggml.scores", undefined, "scores, or tokenizer.ggml.merges");
  const unknown = parts.tokens[fields.maybeNumber("tokenizer.ggml.unknown_token_id") ?? 0];
  if (!merges)
    for (const [piece, id] of parts.pieces)
      if (piece.length > MAX_PIECE) {
        const got = `${piece.length} characters`;
        fields.wrong(`tokenizer.ggml.tokens[${id}]`, got, `at most ${MAX_PIECE} where merges follow from scores`);
      }
  const vocab = new Map(parts.vocab);
  for (const [id, token] of parts.added) if (token === unknown) vocab.set(token, id);
  const prefix = fields.maybeBoolean("tokenizer.ggml.add_space_prefix") ?? true;
  const replace = { type: "Replace", pattern: { String: " " }, content: MARK };
  return {
    version: "1.0",
    added_tokens: added(fields, parts),
    normalizer: prefix ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: MARK }, replace] } : replace,
    pre_tokenizer: null,
    post_processor: frameOf(fields, parts, true),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: MARK }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      unk_token: vocab.has(unknown) ? unknown : null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocab),
      merges: merges ?? mergesOf(parts.pieces, scores as ArrayLike<number>),
    },
  };
}

function added(fields: Fields, { added, control }: Parts) {
  return addedTokens({
    added,
    control,
    contextLength: fields.maybeNumber(`${architectureOf(fields)}.context_length`) ?? 0,
  });
}

/** The tokens around a text. @param bos whether a text begins with BOS where the file does not say */
function frameOf(fields: Fields, { tokens }: Parts, bos: boolean): Record<string, unknown> | null {
  const special: Record<string, unknown> = {};
  const piece = (name: "bos" | "eos", fallback: boolean) => {
    const id = fields.maybeNumber(`tokenizer.ggml.${name}_token_id`);
    if (!(fields.maybeBoolean(`tokenizer.ggml.add_${name}_token`) ?? fallback) || id === undefined) return [];
    const token = tokens[id];
    if (token === undefined) fields.wrong(`tokenizer.ggml.${name}_token_id`, id, `below ${tokens.length}`);
    special[token] = { id: token, ids: [id], tokens: [token] };
    return [{ SpecialToken: { id: token, type_id: 0 } }];
  };
  const single = [...piece("bos", bos), { Sequence: { id: "A", type_id: 0 } }, ...piece("eos", false)];
  return single.length === 1 ? null : { type: "TemplateProcessing", single, pair: [], special_tokens: special };
}

/** tokenizer_config.json: the special tokens by their texts, and the chat template. */
function configOf(fields: Fields, { tokens }: Parts, llama: boolean): Record<string, unknown> {
  const token = (name: string, fallback?: number) =>
    tokens[fields.maybeNumber(`tokenizer.ggml.${name}_token_id`) ?? fallback ?? -1];
  const template = fields.maybeText("tokenizer.chat_template");
  // Which ids llama.cpp takes where a file of this kind names none.
  const named = { bos_token: token("bos", llama ? 1 : undefined), eos_token: token("eos", llama ? 2 : undefined) };
  const others = { unk_token: token("unknown"), pad_token: token("padding") };
  const config = { ...named, ...others, chat_template: template };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
