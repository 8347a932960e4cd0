import fc from "fast-check";
import type { Tokenizer } from "phi-ts/tokenizer";
import { OptionError, TokenizerError } from "../../src/errors.ts";
import { openPhiTinyGolden } from "../golden.ts";
import { suite } from "../harness.ts";
import { smallTokenizers } from "./small.ts";

/** Any code points, and any UTF-16 units: half surrogates too. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.integer({ min: 0xd700, max: 0xe0ff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");

function streamed(tokenizer: Tokenizer, ids: ArrayLike<number>, skipSpecialTokens = false): string[] {
  const stream = tokenizer.stream({ skipSpecialTokens });
  return [...Array.from(ids, (id) => stream.push(id)), stream.end()];
}

suite("tokenizer", async ({ test, assert, engine }) => {
  const { feature, featureTexts, phiTiny } = await smallTokenizers(engine);

  test("phi-tiny: the ids of its golden prompts and texts, control tokens parsed", async () => {
    const golden = await openPhiTinyGolden(engine);
    const tokenizer = phiTiny();
    for (const { prompt, promptIds } of golden.prompts) {
      assert.deepEqual(tokenizer.encode(prompt, { parseSpecialTokens: true }), promptIds, prompt);
    }
  });

  test("byte-level: any text comes back, with U+FFFD for each lone surrogate as TextEncoder has it", () => {
    const tokenizers = [phiTiny(), feature("gpt2"), feature("cl100k, Removed and inverted"), feature("o200k")];
    const property = fc.property(anyText, (text) => {
      for (const tokenizer of tokenizers) {
        const ids = tokenizer.encode(text);
        assert.equal(tokenizer.decode(ids), wellFormed(text));
        assert.deepEqual(tokenizer.encode(wellFormed(text)), ids);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("llama with byte fallback: any text comes back, but for the marks that stand for spaces", () => {
    const tokenizer = feature("llama");
    const property = fc.property(anyText, (text) => {
      const back = tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }));
      assert.equal(back, wellFormed(text).replaceAll("▁", " "));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("lone surrogates at every place, NUL and noncharacters are encoded as U+FFFD or themselves, and nothing throws", () => {
    const tokenizer = phiTiny();
    for (const text of [
      "\ud800",
      "\udfff",
      "a\ud83d",
      "\ude00b",
      "\ude42\ud83d",
      "x\ud800\ud800y",
      "\0",
      "\uffff\ufdd0",
    ]) {
      assert.deepEqual(tokenizer.encode(text), tokenizer.encode(wellFormed(text)), JSON.stringify(text));
    }
    assert.equal(tokenizer.decode(tokenizer.encode("\ud83d\ude42")), "🙂");
  });

  test("by default every control token is text, marked special or not; only white-space tokens are found", () => {
    for (const tokenizer of [
      phiTiny(),
      feature("cl100k, Isolated"),
      feature("gpt2 with runs of spaces added"),
      feature("llama"),
    ]) {
      const control = tokenizer.addedTokens.filter((token) => token.content.trim() !== "");
      for (const { content } of control) {
        const text = `a ${content} b${content}`;
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        assert.ok(!ids.some((id) => control.some((token) => token.id === id)), `${content}: ${ids}`);
        assert.equal(tokenizer.decode(ids), text);
        const parsed = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
        assert.ok(parsed.includes(tokenizer.idOf(content) as number), content);
      }
    }
    const spaces = feature("gpt2 with runs of spaces added");
    assert.deepEqual(spaces.encode("    "), [spaces.idOf("    ") as number]);
  });

  test("idOf, tokenOf, vocabSize and addedTokens agree with the file", () => {
    const tokenizer = phiTiny();
    assert.equal(tokenizer.vocabSize, 2048);
    assert.equal(tokenizer.idOf("<|end|>"), 2043);
    assert.equal(tokenizer.tokenOf(2043), "<|end|>");
    assert.equal(tokenizer.idOf("no such token"), undefined);
    assert.equal(tokenizer.tokenOf(2048), undefined);
    assert.equal(tokenizer.tokenOf(-1), undefined);
    assert.equal(tokenizer.tokenOf(tokenizer.idOf("Ġthe") as number), "Ġthe");
    assert.deepEqual(
      tokenizer.addedTokens.map((token) => token.id),
      [2041, 2042, 2043, 2044, 2045, 2046, 2047],
    );
    assert.deepEqual(tokenizer.addedTokens[2], {
      id: 2043,
      content: "<|end|>",
      special: true,
      lstrip: false,
      rstrip: true,
      singleWord: false,
      normalized: false,
    });
  });

  test("unknown options, options of a wrong kind and what is no text are OptionErrors", () => {
    const tokenizer = phiTiny();
    const wrong = (options: object) => options as never;
    assert.throws(() => tokenizer.encode("a", wrong({ addSpecialToken: true })), OptionError, /addSpecialToken/);
    assert.throws(
      () => tokenizer.encode("a", wrong({ add_special_tokens: true })),
      OptionError,
      /did you mean "addSpecialTokens"/,
    );
    assert.throws(() => tokenizer.encode("a", wrong({ parseSpecialTokens: 1 })), OptionError, /true or false/);
    assert.throws(() => tokenizer.decode([1], wrong({ skip: true })), OptionError, /skip/);
    assert.throws(() => tokenizer.stream(wrong({ skip: true })), OptionError, /skip/);
    assert.throws(() => tokenizer.encode(undefined as never), OptionError, /a string/);
    assert.throws(() => tokenizer.encodeSegments([{ text: 1 as never, control: true }]), OptionError, /a string/);
    assert.throws(() => tokenizer.encodeSegments([null as never]), OptionError, /a string/);
    assert.throws(() => tokenizer.encodeSegments("text" as never), OptionError, /segments/);
  });

  test("an id that is not in the vocabulary: decode throws a TokenizerError, a stream gives no text for it", () => {
    const tokenizer = phiTiny();
    for (const id of [2048, -1, 1.5, Number.NaN, 2 ** 40, "1", 1n, null, undefined]) {
      assert.throws(() => tokenizer.decode([1, id as number]), TokenizerError, /below 2048/);
    }
    for (const ids of [undefined, null, 5, "12", {}]) {
      assert.throws(() => tokenizer.decode(ids as never), OptionError, /an array of integers/);
    }
    assert.equal(tokenizer.stream().push(2050), "");
    assert.throws(() => tokenizer.stream().push(1.5), TokenizerError);
    assert.equal(tokenizer.decode(Uint32Array.from(tokenizer.encode("hello"))), "hello");
  });

  test("streams: the pieces add up to the batch's text for any ids of a byte-level vocabulary, and no piece ends in half a character", () => {
    const tokenizer = phiTiny();
    const property = fc.property(
      fc.array(fc.integer({ min: 0, max: 2047 }), { maxLength: 40 }),
      fc.boolean(),
      (ids, skip) => {
        const pieces = streamed(tokenizer, ids, skip);
        assert.equal(pieces.join(""), tokenizer.decode(ids, { skipSpecialTokens: skip }));
        for (const piece of pieces.slice(0, -1))
          assert.ok(!piece.endsWith("\ufffd") && !/\p{Surrogate}/u.test(piece), piece);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  test("streams: the pieces add up to the batch's text for the ids of any text, with byte fallback too", () => {
    const names = [
      "llama",
      "llama with some byte tokens only",
      "Metaspace, first",
      "Strip of tokens",
      "Strip at the end of the text",
      "no decoder",
    ];
    for (const name of names) {
      const tokenizer = feature(name);
      const property = fc.property(anyText, fc.constantFrom(...featureTexts()), (random, fixed) => {
        const ids = tokenizer.encode(random + fixed, { parseSpecialTokens: true });
        assert.equal(streamed(tokenizer, ids).join(""), tokenizer.decode(ids), name);
      });
      fc.assert(property, { numRuns: 150 });
    }
  });

  test("streams: a run of bytes that goes wrong gives U+FFFD per byte, and end() gives what is left", () => {
    const tokenizer = feature("llama");
    const byte = (b: number) => tokenizer.idOf(`<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`) as number;
    const the = tokenizer.idOf("▁the") as number;
    assert.deepEqual(streamed(tokenizer, [0xe2, 0x82].map(byte)), ["", "", "\ufffd\ufffd"]);
    assert.deepEqual(streamed(tokenizer, [byte(0xe2), the]), ["", "\ufffd the", ""]);
    assert.deepEqual(streamed(tokenizer, [0xe2, 0x82, 0xac].map(byte)), ["", "", "€", ""]);
    assert.deepEqual(streamed(tokenizer, [0xef, 0xbf, 0xbd].map(byte)), ["", "", "", "\ufffd"]);
    assert.deepEqual(streamed(tokenizer, [0x41, 0xff, 0x42].map(byte)), ["A", "", "", "\ufffd\ufffd"]);
    assert.deepEqual(streamed(phiTiny(), phiTiny().encode("é").slice(0, 1)), ["", "\ufffd"]);
  });
});
