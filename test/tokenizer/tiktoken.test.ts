import { chatFormatOf, loadTokenizer, renderChat, stopTokensOf } from "phi-ts/tokenizer";
import { FormatError, SourceError } from "../../src/errors.ts";
import { bytesSource } from "../../src/source/index.ts";
import { hasShared, readFixture, readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";

interface Cases {
  texts: string[];
  trained: { ids: number[][]; special: number[][] };
  drawn: { ids: number[][]; special: number[][] };
}

interface Golden {
  cases: { cat: string; text: string; ids: number[]; decoded: string }[];
}

const NAME = "cl100k_base.tiktoken";

suite("tokenizer/tiktoken", async ({ test, assert, engine }) => {
  const file = (name: string) => readFixture(engine, `tokenizers/tiktoken/${name}.tiktoken`);
  const load = async (name: string, others: Record<string, unknown> = {}) => {
    const files = Object.entries(others).map(([n, value]) => [n, new TextEncoder().encode(JSON.stringify(value))]);
    return loadTokenizer(bytesSource({ [NAME]: await file(name), ...Object.fromEntries(files) }));
  };
  const { texts, ...expected } = await readFixtureJson<Cases>(engine, "tokenizers/tiktoken/cases.json");

  for (const name of ["trained", "drawn"] as const) {
    test(`${name} ranks: ${texts.length} texts give the ids of the tiktoken package, as text and with special tokens parsed, and themselves back`, async () => {
      const tokenizer = await load(name);
      for (const [i, text] of texts.entries()) {
        const note = JSON.stringify(text.slice(0, 60));
        assert.deepEqual(tokenizer.encode(text), expected[name].ids[i], note);
        assert.deepEqual(tokenizer.encode(text, { parseSpecialTokens: true }), expected[name].special[i], note);
        assert.equal(tokenizer.decode(expected[name].ids[i]), text);
        const stream = tokenizer.stream();
        const pieces = expected[name].special[i].map((id) => stream.push(id));
        assert.equal(pieces.join("") + stream.end(), text);
      }
    });
  }

  test("behind N ranks come the 96 special tokens of Phi-3-small: <|endoftext|> is N + 1, <|end|> N + 10, and the vocabulary N + 96", async () => {
    const tokenizer = await load("trained");
    const N = 420;
    assert.deepEqual(
      ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endofprompt|>"].map((t) =>
        tokenizer.idOf(t),
      ),
      [1, 5, 6, 7, 10, 20].map((place) => N + place),
    );
    assert.equal(tokenizer.vocabSize, N + 96);
    assert.equal(tokenizer.addedTokens.length, 96);
    assert.equal(new Set(tokenizer.addedTokens.map(({ content }) => content)).size, 96);
    assert.equal(tokenizer.tokenOf(N + 95), "<|dummy_id_86|>");
  });

  // As the file of the published model writes it: BOS, then turns by their roles, each ended by <|end|>.
  const chat_template =
    "{{ bos_token }}{% for message in messages %}{{'<|' + message['role'] + '|>' + '\n' + message['content'] + '<|end|>\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}";

  test("a chat is <|endoftext|>, turns `<|user|>\\n…<|end|>\\n`, `<|assistant|>\\n`; a user's <|end|> is text; <|end|> and <|endoftext|> end an answer", async () => {
    const special = { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" };
    const tokenizer = await load("trained", { "tokenizer_config.json": { ...special, chat_template } });
    assert.equal(chatFormatOf(tokenizer)?.name, "phi-3-small");
    const chat = renderChat(tokenizer, [{ role: "user", content: "Hi <|end|>" }], { addGenerationPrompt: true });
    assert.equal(chat.text, "<|endoftext|><|user|>\nHi <|end|><|end|>\n<|assistant|>\n");
    const id = (token: string) => tokenizer.idOf(token) as number;
    const newline = tokenizer.encode("\n");
    assert.deepEqual(chat.ids, [
      ...[id("<|endoftext|>"), id("<|user|>"), ...tokenizer.encode("\nHi <|end|>"), id("<|end|>"), ...newline],
      ...[id("<|assistant|>"), ...newline],
    ]);
    assert.deepEqual(
      stopTokensOf(tokenizer).map((stop) => stop.token),
      ["<|endoftext|>", "<|assistant|>", "<|end|>"],
    );
  });

  test("a rank file by itself, whatever it is called, is a tokenizer", async () => {
    const bytes = await file("trained");
    const one = await loadTokenizer(new File([bytes], "mine.tiktoken"));
    assert.deepEqual(one.encode(texts[5]), expected.trained.ids[5]);
  });

  test("tokenizer.json goes before a rank file; without either, the error names all three", async () => {
    const phiTiny = await engine.read("models/phi-tiny/tokenizer.json");
    const both = await loadTokenizer(bytesSource({ [NAME]: await file("trained"), "tokenizer.json": phiTiny }));
    assert.equal(both.vocabSize, 2048);
    await assert.rejects(
      loadTokenizer(bytesSource({ "config.json": new Uint8Array(2) })),
      SourceError,
      /cl100k_base\.tiktoken/,
    );
  });

  const lines = async () =>
    new TextDecoder()
      .decode(await file("trained"))
      .trimEnd()
      .split("\n");
  const damaged: [string, (lines: string[]) => string[], RegExp][] = [
    ["a line of one word", (all) => [...all.slice(0, 300), "QUJD", ...all.slice(301)], /line 301/],
    ["what is no base64", (all) => ["A 0", ...all.slice(1)], /line 1/],
    ["a token that comes twice", (all) => [...all, `${all[0].split(" ")[0]} 420`], /line 421.*came before/],
    ["a rank that comes twice", (all) => [...all, "QUJDREVGRw== 419"], /line 421: rank.*419/],
    ["ranks with a gap", (all) => [...all, "QUJDREVGRw== 421"], /rank.*420/],
    ["a rank of 2^21", (all) => [...all, "QUJDREVGRw== 2097152"], /line 421: rank/],
    ["a byte that is no token", (all) => all.slice(1).map((line, i) => `${line.split(" ")[0]} ${i}`), /byte.*0/],
    ["nothing", () => [], /byte/],
  ];
  for (const [what, change, message] of damaged) {
    test(`a rank file with ${what} is refused, and what is wrong is named`, async () => {
      const bytes = new TextEncoder().encode(change(await lines()).join("\n"));
      await assert.rejects(loadTokenizer(bytesSource({ [NAME]: bytes })), FormatError, message);
    });
  }

  const real =
    "cl100k_base of the published model: its ids of all texts without special tokens, and their texts, are those of the goldens";
  if (!(await hasShared(engine, `tokenizers/phi-3-small/${NAME}`))) {
    test.skip(real, "shared/tokenizers is not there");
    return;
  }
  test(real, async () => {
    const ranks = await engine.read(`shared/tokenizers/phi-3-small/${NAME}`);
    const tokenizer = await loadTokenizer(bytesSource({ [NAME]: ranks }));
    assert.equal(tokenizer.vocabSize, 100352);
    assert.equal(tokenizer.idOf("<|end|>"), 100266);
    const { cases } = await readFixtureJson<Golden>(engine, "tokenizers/phi-3-small/golden.json");
    let count = 0;
    for (const { cat, text, ids, decoded } of cases) {
      if (cat === "special") continue; // of a list of special tokens that is not the model's
      assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text.slice(0, 60)));
      assert.equal(tokenizer.decode(ids), decoded);
      count++;
    }
    assert.ok(count > 100, `${count} texts`);
  });
});
