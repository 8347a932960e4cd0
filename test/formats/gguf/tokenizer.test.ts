import { loadTokenizer } from "phi-ts/tokenizer";
import { FormatError, TokenizerError } from "../../../src/errors.ts";
import { ggufFolder } from "../../../src/formats/gguf/checkpoint/source.ts";
import { tokenizerOf } from "../../../src/formats/gguf/checkpoint/tokenizer.ts";
import { openGguf } from "../../../src/formats/gguf/index.ts";
import { bytesSource } from "../../../src/source/index.ts";
import { chatFormatOf, createTokenizer, stopTokensOf, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { hasShared, readFixture, readFixtureJson, readJson } from "../../fixtures.ts";
import { suite, unless } from "../../harness.ts";
import { asGguf, type Converted, type HubTokenizer } from "./as-gguf.ts";
import { craft, f32s, i32s, text, texts, type Value } from "./craft.ts";

async function tokenizerIn(bytes: Uint8Array<ArrayBuffer>): Promise<Tokenizer> {
  const made = tokenizerOf(await openGguf(bytes));
  if (!made) throw new Error("no vocabulary");
  const { tokenizer, config: tokenizerConfig } = JSON.parse(JSON.stringify(made));
  return createTokenizer({ tokenizer, tokenizerConfig });
}

const REAL: [name: string, how: Omit<Converted, "config">][] = [
  ["phi-2", { kind: "gpt2", pre: "phi-2", contextLength: 2048, vocabSize: 51200 }],
  ["phi-3-mini-4k", { kind: "llama", pre: "default", contextLength: 4096, vocabSize: 32064 }],
  ["phi-3-mini-128k", { kind: "llama", pre: "default", contextLength: 131072, vocabSize: 32064 }],
  ["phi-4", { kind: "gpt2", pre: "dbrx", contextLength: 16384, vocabSize: 100352 }],
  ["phi-4-mini", { kind: "gpt2", pre: "gpt-4o", contextLength: 131072, vocabSize: 200064 }],
];

interface Golden {
  cases: { id: number; text: string; ids: number[]; ids_special: number[]; decoded: string; decoded_skip: string }[];
}

suite("gguf/tokenizer", async ({ test, assert, engine }) => {
  for (const [name, file] of [
    ["gguf-phi-4", "model.Q4_0.gguf"],
    ["gguf-phi-4-mini", "model.Q4_0.gguf"],
    ["gguf-kquant", "model.Q4_K_M.gguf"],
  ]) {
    test(`${name}: ids and texts are those of Hugging Face for the tokenizer.json that the file was made of`, async () => {
      const tokenizer = await tokenizerIn(await readFixture(engine, `golden/${name}/${file}`));
      const golden = `golden/${name}/tokenizer.golden.json`;
      type Case = { text: string; ids: number[]; decoded: string };
      for (const { text, ids, decoded } of await readFixtureJson<Case[]>(engine, golden)) {
        assert.deepEqual(tokenizer.encode(text, { parseSpecialTokens: true }), ids, text);
        assert.equal(tokenizer.decode(ids), decoded);
      }
    });
  }

  for (const [name, how] of REAL) {
    const { cases } = await readFixtureJson<Golden>(engine, `tokenizers/${name}/golden.json`);
    const title = `${name} through the metadata of a GGUF file: all ${cases.length} texts have Hugging Face's ids, all ids its texts`;
    const chat = `${name}: the chat format and the stop tokens are those of its own files`;
    if (!(await hasShared(engine, `tokenizers/${name}/tokenizer.json`))) {
      test.skip(title, "shared/tokenizers is not there");
      test.skip(chat, "shared/tokenizers is not there");
      continue;
    }
    const read = async () => {
      const hub = await readJson<HubTokenizer>(engine, `shared/tokenizers/${name}/tokenizer.json`);
      const config = await readJson<Converted["config"]>(engine, `shared/tokenizers/${name}/tokenizer_config.json`);
      return { hub, config, tokenizer: await tokenizerIn(asGguf(hub, { ...how, config })) };
    };
    // Made for the first test, and let go by the second.
    let made: ReturnType<typeof read> | undefined;
    test(title, async () => {
      made ??= read();
      const { tokenizer, hub } = await made;
      // Without its own list of merges the file must give the same one.
      const own = new Map(hub.added_tokens.map((token) => [token.id, token]));
      for (const token of tokenizer.addedTokens) {
        const { special } = own.get(token.id) as { special: boolean };
        assert.equal(token.special, special, token.content);
      }
      for (const { id, text, ids, ids_special, decoded, decoded_skip } of cases) {
        const note = `case ${id} ${JSON.stringify(text.slice(0, 60))}`;
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true }), ids, note);
        // What a text is framed by is the configuration's to say, since the converter takes it from there.
        if (name !== "phi-3-mini-128k")
          assert.deepEqual(tokenizer.encode(text, { parseSpecialTokens: true }), ids_special, note);
        assert.equal(tokenizer.decode(ids), decoded, note);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), decoded_skip, note);
      }
    });
    test(chat, async () => {
      const { tokenizer, hub, config } = await (made ?? read());
      made = undefined;
      const own = createTokenizer({ tokenizer: hub, tokenizerConfig: config });
      assert.deepEqual(chatFormatOf(tokenizer), chatFormatOf(own));
      assert.deepEqual(
        stopTokensOf(tokenizer).map(({ id }) => id),
        stopTokensOf(own).map(({ id }) => id),
      );
    });
  }

  const path = "tokenizers/phi-3-mini-4k/tokenizer.json";
  const needs = (await hasShared(engine, path)) ? undefined : "shared/tokenizers is not there";
  unless(needs, test)(
    "phi-3-mini-4k: the merges made of scores are those of its tokenizer.json, all 61,249 in the same order",
    async () => {
      const hub = await readJson<HubTokenizer>(engine, `shared/${path}`);
      const [, how] = REAL[1];
      const made = tokenizerOf(await openGguf(asGguf(hub, { ...how, config: {} })));
      if (!made) throw new Error("no vocabulary");
      const { merges } = made.tokenizer.model as HubTokenizer["model"];
      const own = hub.model.merges.map((m) => (typeof m === "string" ? m : m.join(" ")));
      assert.deepEqual(
        (merges as string[][]).map((m) => m.join(" ")),
        own,
      );
    },
  );

  const minimal = (over: Record<string, Value>) =>
    craft({
      metadata: Object.entries({
        "general.architecture": text("phi3"),
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text("gpt-2"),
        "tokenizer.ggml.tokens": texts(["a", "b", "ab"]),
        "tokenizer.ggml.merges": texts(["a b"]),
        ...over,
      }),
    });

  const refused: [title: string, over: Record<string, Value>, says: RegExp][] = [
    ["another kind of tokenizer", { "tokenizer.ggml.model": text("rwkv") }, /rwkv.*gpt2, llama/],
    ["another pre-tokenizer", { "tokenizer.ggml.pre": text("qwen2") }, /qwen2.*dbrx/],
    ["two tokens of one text", { "tokenizer.ggml.tokens": texts(["a", "b", "a"]) }, /tokens\[2\]/],
    ["types of another length", { "tokenizer.ggml.token_type": i32s([1, 1]) }, /2 values.*3, one for each token/],
    ["a type that there is not", { "tokenizer.ggml.token_type": i32s([1, 1, 7]) }, /token_type\[2\]/],
    ["tokens that are numbers", { "tokenizer.ggml.tokens": i32s([1, 2, 3]) }, /a list of texts/],
  ];
  for (const [title, over, says] of refused) {
    test(`${title}: refused by name`, async () => {
      await assert.rejects(async () => tokenizerOf(await openGguf(minimal(over))), undefined, says);
    });
  }

  test("a token of 100,000 characters, whose merges would follow from scores, is refused at once; with merges of its own a file may have it", async () => {
    const tokens = texts(["a", "b", "ab".repeat(50_000)]);
    const llama = { "tokenizer.ggml.model": text("llama"), "tokenizer.ggml.tokens": tokens };
    const scored = craft({
      metadata: Object.entries({
        "general.architecture": text("phi3"),
        ...llama,
        "tokenizer.ggml.scores": f32s([0, -1, -2]),
      }),
    });
    await assert.rejects(
      async () => tokenizerOf(await openGguf(scored)),
      FormatError,
      /tokens\[2\].*100000.*at most 512/,
    );
    assert.ok(tokenizerOf(await openGguf(minimal(llama))) !== undefined);
  });

  test("a file without a vocabulary has no tokenizer; one of another kind is a TokenizerError with the code unsupported", async () => {
    assert.equal(tokenizerOf(await openGguf(craft())), undefined);
    const other = assert.rejects(async () =>
      tokenizerOf(await openGguf(minimal({ "tokenizer.ggml.model": text("t5") }))),
    );
    const error = await other;
    assert.ok(error instanceof TokenizerError && error.code === "unsupported");
  });

  test("loadTokenizer and the folder that a file stands for agree", async () => {
    const bytes = await readFixture(engine, "golden/gguf-kquant/model.Q4_K_M.gguf");
    const tokenizer = await loadTokenizer(await ggufFolder(bytesSource({ "m.gguf": bytes })));
    assert.deepEqual(tokenizer.encode("the"), (await tokenizerIn(bytes)).encode("the"));
  });
});
