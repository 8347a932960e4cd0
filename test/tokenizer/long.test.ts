import { suite } from "../harness.ts";
import { smallTokenizers } from "./small.ts";

/** Characters; at half a million, work that is quadratic takes hours. */
const LENGTH = 2 ** 19;

/** Bytes of a simple generator, as a text of characters up to U+00FF. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return String.fromCharCode((state >> 16) & 0xff);
  }).join("");
}

const TEXTS: Record<string, string> = {
  "one letter": "a".repeat(LENGTH),
  "one capital": "A".repeat(LENGTH),
  "two letters in turn": "ab".repeat(LENGTH / 2),
  spaces: " ".repeat(LENGTH),
  "spaces and a letter": `${" ".repeat(LENGTH)}x`,
  newlines: "\n".repeat(LENGTH),
  digits: "7".repeat(LENGTH),
  "one emoji": "🙂".repeat(LENGTH / 4),
  "a letter and combining marks": `a${"\u0301".repeat(LENGTH / 2)}`,
  "the beginning of control tokens": "<|".repeat(LENGTH / 2),
  "random bytes": noise(LENGTH),
};

// An algorithm that is quadratic in the length of a word or of the text does not come to an end here within the runner's limit.
suite("tokenizer: long texts without a break", async ({ test, assert, engine }) => {
  const { feature, phiTiny } = await smallTokenizers(engine);
  for (const name of ["phi-tiny", "llama"]) {
    const tokenizer = name === "phi-tiny" ? phiTiny() : feature(name);
    for (const [what, text] of Object.entries(TEXTS)) {
      test(`${name}: ${what}: encoded and decoded back`, () => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
        assert.ok(tokenizer.decode(ids) === text, "decoded");
      });
    }
  }

  test("phi-tiny: random bytes streamed back, token by token", () => {
    const tokenizer = phiTiny();
    const stream = tokenizer.stream();
    const pieces = tokenizer.encode(TEXTS["random bytes"]).map((id) => stream.push(id));
    assert.ok(pieces.join("") + stream.end() === TEXTS["random bytes"]);
  });

  test("phi-tiny and gpt2: 100,000 segments of markup and text give the ids of the joined text", () => {
    const pieces = Array.from({ length: 50_000 }, () => [
      { text: "<|end|>", control: true },
      { text: " a\n", control: false },
    ]).flat();
    const joined = pieces.map((piece) => piece.text).join("");
    for (const tokenizer of [phiTiny(), feature("gpt2 with runs of spaces added")]) {
      const ids = tokenizer.encode(joined, { parseSpecialTokens: true });
      assert.deepEqual(tokenizer.encodeSegments(pieces), ids);
    }
  });

  test("streams hold a long run of bad bytes, and of tokens without text, in linear work", () => {
    const tokenizer = feature("llama");
    const stream = tokenizer.stream({ skipSpecialTokens: true });
    const bad = tokenizer.idOf("<0xFF>") as number;
    const special = tokenizer.idOf("</s>") as number;
    for (let i = 0; i < 200_000; i++) assert.equal(stream.push(bad) + stream.push(special), "");
    assert.equal(stream.end().length, 200_000);
  });
});
