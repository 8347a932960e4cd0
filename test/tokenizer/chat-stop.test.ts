import { FormatError } from "../../src/errors.ts";
import { stopTokensOf } from "../../src/tokenizer/chat/index.ts";
import { suite } from "../harness.ts";

/** A vocabulary of a few tokens; generation_config.json's and config.json's figures below are the published models'. */
function vocabulary(tokens: Record<string, number>, eos?: unknown) {
  const texts = new Map(Object.entries(tokens).map(([token, id]) => [id, token]));
  return {
    idOf: (token: string): number | undefined => tokens[token],
    tokenOf: (id: number) => texts.get(id),
    config: { eos_token: eos },
  };
}

const PHI_3 = { "<s>": 1, "<|endoftext|>": 32000, "<|assistant|>": 32001, "<|end|>": 32007, "<|user|>": 32010 };
const PHI_4 = { "<|endoftext|>": 100257, "<|im_start|>": 100264, "<|im_end|>": 100265, "<|im_sep|>": 100266 };
const PHI_4_MINI = {
  "<|endoftext|>": 199999,
  "<|assistant|>": 200019,
  "<|end|>": 200020,
  "<|user|>": 200021,
  "<|tool|>": 200023,
  "<|/tool|>": 200024,
};

suite("stop tokens", ({ test, assert }) => {
  const ids = (...given: Parameters<typeof stopTokensOf>) => stopTokensOf(...given).map(({ id }) => id);

  test("phi-3: 32000, 32001 and 32007, with the file or without", () => {
    const tokenizer = vocabulary(PHI_3, "<|endoftext|>");
    assert.deepEqual(
      ids(tokenizer, { eos_token_id: [32000, 32001, 32007] }, { eos_token_id: 32000 }),
      [32000, 32001, 32007],
    );
    assert.deepEqual(ids(tokenizer), [32000, 32001, 32007]);
  });

  test("phi-4: 100257 and 100265, though each file names but one of them", () => {
    const tokenizer = vocabulary(PHI_4, "<|im_end|>");
    assert.deepEqual(ids(tokenizer, { eos_token_id: 100265 }, { eos_token_id: 100257 }), [100257, 100265]);
    assert.deepEqual(ids(tokenizer), [100257, 100265]);
  });

  test("phi-4-mini: 199999 and 200020, not the assistant's header", () => {
    assert.deepEqual(ids(vocabulary(PHI_4_MINI, "<|endoftext|>"), null, { eos_token_id: 199999 }), [199999, 200020]);
  });

  test("base models: <|endoftext|>", () => {
    assert.deepEqual(stopTokensOf(vocabulary({ "<|endoftext|>": 50256 }, "<|endoftext|>")), [
      { id: 50256, token: "<|endoftext|>", sources: ["tokenizer_config.json", "end of text"] },
    ]);
  });

  test("every token comes with its text and all who name it", () => {
    assert.deepEqual(
      stopTokensOf(vocabulary(PHI_4, { content: "<|im_end|>" }), { eos_token_id: [100265] }, { eos_token_id: 7 }),
      [
        { id: 7, sources: ["config.json"] },
        { id: 100257, token: "<|endoftext|>", sources: ["end of turn in phi-4"] },
        {
          id: 100265,
          token: "<|im_end|>",
          sources: ["generation_config.json", "tokenizer_config.json", "end of turn in phi-4"],
        },
      ],
    );
  });

  test("the tokenizer's own generation_config.json counts, unless another or null is given", () => {
    const tokenizer = { ...vocabulary({ a: 5, b: 6 }), generationConfig: { eos_token_id: 5 } };
    assert.deepEqual(ids(tokenizer), [5]);
    assert.deepEqual(ids(tokenizer, { eos_token_id: 6 }), [6]);
    assert.deepEqual(ids(tokenizer, null), []);
  });

  test("without a tokenizer, the files' ids alone", () => {
    assert.deepEqual(stopTokensOf(undefined, { eos_token_id: [3, 2, 3] }), [
      { id: 2, sources: ["generation_config.json"] },
      { id: 3, sources: ["generation_config.json"] },
    ]);
  });

  test("an eos_token_id that is no id is a FormatError that names the file", () => {
    for (const value of ["2", -1, 1.5, [2, null], {}])
      assert.throws(
        () => stopTokensOf(undefined, { eos_token_id: value }),
        FormatError,
        /generation_config\.json.*eos_token_id/,
      );
    assert.throws(() => stopTokensOf(undefined, null, { eos_token_id: "2" }), FormatError, /file config\.json/);
  });
});
