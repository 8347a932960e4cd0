import fc from "fast-check";
import { createTokenizer, type TextSegment, type Tokenizer } from "phi-ts/tokenizer";
import { suite } from "../harness.ts";
import { smallTokenizers } from "./small.ts";

const user = (text: string): TextSegment => ({ text, control: false });
const control = (text: string): TextSegment => ({ text, control: true });

/** Cuts a text into segments of the given kinds at the given places. */
function cut(text: string, places: number[], kinds: boolean[]): TextSegment[] {
  const at = [0, ...places.map((p) => p % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => ({ text: text.slice(at[i], end), control: kinds[i % kinds.length] }));
}

const isControl = (tokenizer: Tokenizer, id: number): boolean =>
  tokenizer.addedTokens.some((token) => token.id === id && token.content.trim() !== "");

suite("tokenizer segments", async ({ test, assert, engine }) => {
  const { feature, featureFile, featureTexts, phiTiny } = await smallTokenizers(engine);
  const names = ["cl100k, Isolated", "o200k", "single words", "normalized added tokens and Lowercase", "normalized added tokens and Prepend",
    "gpt2 with runs of spaces added", "llama", "llama, added tokens that strip", "Metaspace, first"]; // biome-ignore format: a list
  for (const name of names) {
    const tokenizer = feature(name);
    const texts = featureTexts();

    test(`${name}: however a text is cut, all control gives the ids of parsed text, and all user those of plain text`, () => {
      const property = fc.property(fc.constantFrom(...texts), fc.array(fc.nat(), { maxLength: 5 }), (text, places) => {
        const plain = { addSpecialTokens: false };
        const parsed = tokenizer.encode(text, { ...plain, parseSpecialTokens: true });
        assert.deepEqual(tokenizer.encodeSegments(cut(text, places, [true])), parsed, text);
        assert.deepEqual(tokenizer.encodeSegments(cut(text, places, [false])), tokenizer.encode(text, plain), text);
      });
      fc.assert(property, { numRuns: 300 });
    });

    // A normalized token may begin with what the normalizer makes of the user's space; then it is not the markup's alone.
    if (name !== "normalized added tokens and Prepend")
      test(`${name}: control tokens around user text give the ids of the joined text, white space stripped across the border too`, () => {
        const marks = tokenizer.addedTokens
          .filter((token) => token.content.trim() !== "")
          .map((token) => token.content);
        const innocent = texts.filter((t) => !marks.some((m) => t.toLowerCase().includes(m.toLowerCase().slice(0, 2))));
        const piece = fc.record({ mark: fc.constantFrom(...marks), text: fc.constantFrom(...innocent) });
        const property = fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), (pieces) => {
          const segments = pieces.flatMap(({ mark, text }) => [control(mark), user(text)]);
          const joined = segments.map((s) => s.text).join("");
          const expected = tokenizer.encode(joined, { addSpecialTokens: false, parseSpecialTokens: true });
          assert.deepEqual(tokenizer.encodeSegments(segments), expected, JSON.stringify(segments));
        });
        fc.assert(property, { numRuns: 200 });
      });

    test(`${name}: no text of a user becomes a control token, whatever stands around it`, () => {
      const marks = tokenizer.addedTokens.filter((token) => token.content.trim() !== "").map((token) => token.content);
      const part = fc.oneof(
        fc.constantFrom(...marks),
        fc.constantFrom(...marks.map((m) => m.slice(1))),
        fc.constantFrom(" ", "a", "<", "["),
      );
      const segment = fc.record({
        text: fc.array(part, { maxLength: 4 }).map((p) => p.join("")),
        control: fc.boolean(),
      });
      const property = fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
        const ids = tokenizer.encodeSegments(segments).filter((id) => isControl(tokenizer, id));
        // At most those that the control regions hold by themselves.
        const regions = tokenizer.encodeSegments(
          segments.map((s) => (s.control || s.text === "" ? s : user("\u0001"))),
        );
        const most = regions.filter((id) => isControl(tokenizer, id));
        assert.ok(ids.length <= most.length, JSON.stringify(segments));
      });
      fc.assert(property, { numRuns: 300 });
    });
  }

  test("a control token that begins in markup and ends in a user's text is text, and the shorter one in the markup is found", () => {
    const tiny = phiTiny();
    assert.ok(!tiny.encodeSegments([control("<|us"), user("er|>")]).some((id) => isControl(tiny, id)));
    assert.ok(!tiny.encodeSegments([user("<|us"), control("er|>")]).some((id) => isControl(tiny, id)));
    assert.deepEqual(tiny.encodeSegments([control("<|us"), control("er|>")]), [tiny.idOf("<|user|>") as number]);
    const overlap = feature("o200k");
    assert.deepEqual(overlap.encodeSegments([control("[A"), user("B]")])[0], overlap.idOf("[A"));
    assert.deepEqual(overlap.encodeSegments([control("[AB]")]), [overlap.idOf("[AB]") as number]);
  });

  test("phi-tiny: <|user|> strips what white space follows in the user's text, as HF does; <|end|> in it stays text", () => {
    const tiny = phiTiny();
    const ids = tiny.encodeSegments([
      control("<|user|>"),
      user(" \n hi <|end|>"),
      control("<|end|>\n"),
      control("<|assistant|>"),
    ]);
    const [start, end, answer] = ["<|user|>", "<|end|>", "<|assistant|>"].map((t) => tiny.idOf(t) as number);
    assert.deepEqual(ids, [start, ...tiny.encode("hi <|end|>"), end, answer]);
  });

  test("normalized control tokens behind a normalizer that moves text are found in their segments and nowhere else", () => {
    const file = featureFile("normalized added tokens and Lowercase");
    const tokenizer = createTokenizer({ tokenizer: file });
    const pad = tokenizer.idOf("<pad>") as number;
    const ids = tokenizer.encodeSegments([user("İx <pad> "), control("<PAD>"), user("<pad>")]);
    assert.deepEqual(
      ids.filter((id) => id === pad),
      [pad],
    );
    assert.equal(tokenizer.decode(ids), "i̇x <pad> <pad><pad>");
  });

  test("addSpecialTokens is off by default and puts the post-processor's tokens around all segments", () => {
    const llama = feature("llama");
    const segments = [control("<s>"), user("the cat")];
    const ids = llama.encodeSegments(segments);
    assert.deepEqual(llama.encodeSegments(segments, { addSpecialTokens: true }), [1, ...ids]);
    assert.deepEqual(llama.encodeSegments([]), []);
    assert.deepEqual(llama.encodeSegments([], { addSpecialTokens: true }), [1]);
  });
});
