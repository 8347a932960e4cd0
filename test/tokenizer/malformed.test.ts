import fc from "fast-check";
import { createTokenizer } from "phi-ts/tokenizer";
import { FormatError, PhiError, TokenizerError } from "../../src/errors.ts";
import { suite } from "../harness.ts";
import { smallTokenizers } from "./small.ts";

type Json = Record<string, unknown>;

/** A whole file that uses most parts, small enough to change in each test. */
function base(): Json & { model: Json; added_tokens: Json[] } {
  const vocab = { "<unk>": 0, a: 1, b: 2, ab: 3, "▁": 4, "<s>": 5 };
  return {
    version: "1.0",
    added_tokens: [
      { id: 5, content: "<s>", single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    ],
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }] },
    pre_tokenizer: { type: "Split", pattern: { Regex: "\\s+" }, behavior: "Isolated", invert: false },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [5], tokens: ["<s>"] } },
    },
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    model: { type: "BPE", unk_token: "<unk>", vocab, merges: [["a", "b"]] },
  };
}

const model = (change: Json): Json => ({ ...base(), model: { ...base().model, ...change } });
const added = (...tokens: unknown[]): Json => ({ ...base(), added_tokens: tokens });
const config = (tokenizerConfig: unknown) => ({ tokenizer: base(), tokenizerConfig });

/** What is wrong, the file, the class of the error and what its message must name. */
const FAULTS: [what: string, file: unknown, kind: typeof FormatError | typeof TokenizerError, message: RegExp][] = [
  ["null", null, FormatError, /an object/],
  ["an array", [], FormatError, /an object/],
  ["a text", "{}", FormatError, /an object/],
  ["no model", { version: "1.0" }, FormatError, /model/],
  ["version 2", { ...base(), version: "2.0" }, FormatError, /version/],
  ["a Unigram model", model({ type: "Unigram" }), TokenizerError, /"Unigram" is not supported/],
  ["a WordPiece model", model({ type: "WordPiece" }), TokenizerError, /"WordPiece" is not supported/],
  ["a model of no type without merges", { ...base(), model: { vocab: { a: 0 } } }, TokenizerError, /of no type/],
  ["dropout", model({ dropout: 0.1 }), TokenizerError, /dropout is not supported/],
  ["a subword prefix", model({ continuing_subword_prefix: "##" }), TokenizerError, /continuing_subword_prefix/],
  ["a word suffix", model({ end_of_word_suffix: "</w>" }), TokenizerError, /end_of_word_suffix/],
  ["no vocab", model({ vocab: undefined }), FormatError, /model.vocab/],
  ["an empty vocab", model({ vocab: {} }), FormatError, /at least one token/],
  ["a vocab that is a list", model({ vocab: ["a"] }), FormatError, /model.vocab/],
  ["an id that is a text", model({ vocab: { a: "0" } }), FormatError, /model.vocab\["a"\].*an integer/],
  ["an id that is no integer", model({ vocab: { a: 0.5 } }), FormatError, /model.vocab\["a"\]/],
  ["a negative id", model({ vocab: { a: -1 } }), FormatError, /model.vocab\["a"\]/],
  ["an id of a billion", model({ vocab: { a: 1e9 } }), FormatError, /greatest id/],
  ["two tokens of one id", model({ vocab: { a: 1, b: 1 } }), FormatError, /model.vocab\["b"\].*"a\\*" has it/],
  ["an unk_token that is not in the vocab", model({ unk_token: "<none>" }), FormatError, /unk_token.*<none>/],
  ["no merges", model({ merges: undefined, type: "BPE" }), FormatError, /model.merges/],
  ["a merge of an unknown token", model({ merges: [["a", "z"]] }), FormatError, /model.merges\[0\]/],
  ["a merge into an unknown token", model({ merges: [["a", "b"], ["b", "a"]] }), FormatError, /model.merges\[1\].*"ba"/],
  ["a merge of three", model({ merges: ["a b a"] }), FormatError, /model.merges\[0\].*two tokens/],
  ["a merge of one", model({ merges: ["ab"] }), FormatError, /two tokens/],
  ["a merge that is a number", model({ merges: [7] }), FormatError, /two tokens/],
  ["a merge of numbers", model({ merges: [[1, 2]] }), FormatError, /two tokens/],
  ["fuse_unk that is a text", model({ fuse_unk: "yes" }), FormatError, /model.fuse_unk/],
  ["added tokens that are an object", { ...base(), added_tokens: {} }, FormatError, /added_tokens/],
  ["an added token that is a text", added("<s>"), FormatError, /added_tokens\[0\]/],
  ["an added token without an id", added({ content: "<x>" }), FormatError, /added_tokens\[0\].id/],
  ["an added token with a huge id", added({ id: 2 ** 31, content: "<x>" }), FormatError, /added_tokens\[0\].id/],
  ["an added token without text", added({ id: 9, content: "" }), FormatError, /added_tokens\[0\].content/],
  ["an added token of half a character", added({ id: 9, content: "\ud800" }), FormatError, /content/],
  ["an added token with the id of another", added({ id: 1, content: "<x>" }), FormatError, /"a\\*" has it/],
  ["two added tokens of one id", added({ id: 9, content: "<x>" }, { id: 9, content: "<y>" }), FormatError, /"<x>\\*" has it/],
  ["an added token twice", added({ id: 9, content: "<x>" }, { id: 9, content: "<x>" }), FormatError, /once/],
  ["an added token with two ids", added({ id: 9, content: "<x>" }, { id: 10, content: "<x>" }), FormatError, /9, the id of/],
  ["an added token with another id than in the vocab", added({ id: 9, content: "<s>" }), FormatError, /5, the id of/],
  ["a flag that is a number", added({ id: 9, content: "<x>", rstrip: 1 }), FormatError, /added_tokens\[0\].rstrip/],
  ["a normalizer of no type", { ...base(), normalizer: {} }, FormatError, /normalizer.type/],
  ["a normalizer that is a text", { ...base(), normalizer: "NFC" }, FormatError, /normalizer/],
  ["an unknown normalizer", { ...base(), normalizer: { type: "Nmt" } }, TokenizerError, /the normalizer "Nmt" is not supported/],
  ["Precompiled inside of a Sequence", { ...base(), normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Precompiled" }] } }, TokenizerError, /normalizer.normalizers\[1\].*"Precompiled"/],
  ["a Replace of nothing", { ...base(), normalizer: { type: "Replace", pattern: { String: "" }, content: "x" } }, FormatError, /at least one character/],
  ["a Replace with a group in its content", { ...base(), normalizer: { type: "Replace", pattern: { Regex: "(a)" }, content: "$1" } }, TokenizerError, /"\$"/],
  ["a Replace without a pattern", { ...base(), normalizer: { type: "Replace", content: "x" } }, FormatError, /pattern/],
  ["an unknown pre-tokenizer", { ...base(), pre_tokenizer: { type: "BertPreTokenizer" } }, TokenizerError, /"BertPreTokenizer" is not supported/],
  ["a Split of an unknown behavior", { ...base(), pre_tokenizer: { type: "Split", pattern: { String: "a" }, behavior: "Gone" } }, FormatError, /behavior/],
  ["a Split by a wrong regular expression", { ...base(), pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } }, TokenizerError, /regular expression "\("/],
  ["a Metaspace of two characters", { ...base(), pre_tokenizer: { type: "Metaspace", replacement: "__" } }, FormatError, /one character/],
  ["a Metaspace of an unknown scheme", { ...base(), pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "last" } }, FormatError, /prepend_scheme/],
  ["an unknown post-processor", { ...base(), post_processor: { type: "Magic" } }, TokenizerError, /"Magic" is not supported/],
  ["a template without the text", { ...base(), post_processor: { type: "TemplateProcessing", single: [], special_tokens: {} } }, FormatError, /0 texts/],
  ["a template with the second text", { ...base(), post_processor: { type: "TemplateProcessing", single: [{ Sequence: { id: "B" } }], special_tokens: {} } }, FormatError, /Sequence.id/],
  ["a template with an unknown token", { ...base(), post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<z>" } }, { Sequence: { id: "A" } }], special_tokens: {} } }, FormatError, /<z>.*one of special_tokens/],
  ["an unknown decoder", { ...base(), decoder: { type: "CTC" } }, TokenizerError, /the decoder "CTC" is not supported/],
  ["a Strip that counts backwards", { ...base(), decoder: { type: "Strip", content: " ", start: -1, stop: 0 } }, FormatError, /decoder.start/],
  ["sequences inside one another without end", { ...base(), decoder: nest(40) }, FormatError, /at most 16/],
]; // biome-ignore format: a table

function nest(depth: number): Json {
  return depth === 0 ? { type: "Fuse" } : { type: "Sequence", decoders: [nest(depth - 1)] };
}

suite("tokenizer: malformed files", async ({ test, assert, engine }) => {
  const { featureFile } = await smallTokenizers(engine);
  test("the file that the others are made from is right", () => {
    assert.deepEqual(createTokenizer({ tokenizer: base() }).encode("ab"), [5, 4, 3]);
  });

  for (const [what, tokenizer, kind, message] of FAULTS) {
    test(`${what}: a ${kind.name} that says so`, () => {
      assert.throws(() => createTokenizer({ tokenizer }), kind, message);
    });
  }

  const configs: [string, unknown, RegExp][] = [
    ["that is a list", [], /tokenizer_config.json/],
    ["with a template that is a number", { chat_template: 1 }, /chat_template/],
    [
      "with an added token under no number",
      { added_tokens_decoder: { x: { content: "<x>" } } },
      /added_tokens_decoder\["x"\]/,
    ],
    ["with an added token under the id of another", { added_tokens_decoder: { 1: { content: "<x>" } } }, /has it/],
  ];
  for (const [what, file, message] of configs) {
    test(`a tokenizer_config.json ${what}: a FormatError that says so`, () => {
      assert.throws(() => createTokenizer(config(file)), FormatError, message);
    });
  }

  test("any part of a file replaced by anything: it loads and encodes, or throws a PhiError; never anything else", () => {
    const files = [
      "gpt2",
      "llama",
      "o200k",
      "Metaspace, first",
      "normalized added tokens and Lowercase",
      "before and after",
    ];
    const anything = fc.constantFrom<unknown>(null, undefined, true, -1, 0.5, 1e300, Number.NaN, "", "x", "\ud800", [], [[]], {}, { type: "Sequence" }, { type: "ByteLevel" }, { type: "Strip" }); // biome-ignore format: a list
    const property = fc.property(
      fc.constantFrom(...files),
      fc.infiniteStream(fc.nat()),
      anything,
      (name, choices, value) => {
        const file = featureFile(name);
        replaceSomewhere(file, choices, value);
        try {
          const tokenizer = createTokenizer({ tokenizer: file });
          const ids = tokenizer.encode("The cat 🙂 <s>\n\ud800", { parseSpecialTokens: true });
          tokenizer.decode(ids);
          const stream = tokenizer.stream();
          for (const id of ids) stream.push(id);
          stream.end();
        } catch (error) {
          assert.ok(error instanceof PhiError, `${name}: ${error instanceof Error ? error.stack : error}`);
        }
      },
    );
    fc.assert(property, { numRuns: 400 });
  });
});

/** Walks into the file by the choices and puts the value there. */
function replaceSomewhere(file: Json, choices: fc.Stream<number>, value: unknown): void {
  let at: Json = file;
  for (const choice of choices) {
    const keys = Object.keys(at);
    if (keys.length === 0) return;
    const key = keys[choice % keys.length];
    const inner = at[key];
    if (typeof inner !== "object" || inner === null || choice % 5 === 0) {
      at[key] = value;
      return;
    }
    at = inner as Json;
  }
}
