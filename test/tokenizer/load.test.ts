import { loadTokenizer } from "phi-ts/tokenizer";
import { FormatError, OptionError, SourceError } from "../../src/errors.ts";
import { bytesSource } from "../../src/source/index.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { smallTokenizers } from "./small.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): Uint8Array => bytes(JSON.stringify(value));

async function gzip(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([data as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

suite("loadTokenizer", async ({ test, assert, engine }) => {
  const { phiTinyFile } = await smallTokenizers(engine);
  const tokenizer = json(phiTinyFile());

  test("a Source of a folder, a Source of tokenizer.json alone and parsed files give the same tokenizer", async () => {
    const all = [
      await loadTokenizer(phiTinyFolder(engine)),
      await loadTokenizer(bytesSource({ "tokenizer.json": tokenizer })),
      await loadTokenizer({ tokenizer: phiTinyFile() }),
    ];
    const ids = all[0].encode("What is 12 + 30?<|end|>", { parseSpecialTokens: true });
    for (const one of all) assert.deepEqual(one.encode("What is 12 + 30?<|end|>", { parseSpecialTokens: true }), ids);
    assert.equal(all[0].config?.add_bos_token, false);
    assert.ok(Array.isArray(all[0].generationConfig?.eos_token_id), "generation_config.json is read");
    assert.equal(all[1].config, undefined);
    assert.equal(all[1].chatTemplate, undefined);
  });

  test("tokenizer.json.gz is unpacked where there is no tokenizer.json", async () => {
    const loaded = await loadTokenizer(bytesSource({ "tokenizer.json.gz": await gzip(tokenizer) }));
    assert.equal(loaded.vocabSize, 2048);
  });

  test("the chat template is that of chat_template.jinja, else of tokenizer_config.json, there the default one of a list", async () => {
    const load = (config: unknown, extra: Record<string, Uint8Array> = {}) =>
      loadTokenizer(bytesSource({ "tokenizer.json": tokenizer, "tokenizer_config.json": json(config), ...extra }));
    assert.equal((await load({ chat_template: "A" })).chatTemplate, "A");
    assert.equal((await load({ chat_template: "A" }, { "chat_template.jinja": bytes("B") })).chatTemplate, "B");
    const named = [
      { name: "tool_use", template: "T" },
      { name: "default", template: "D" },
    ];
    assert.equal((await load({ chat_template: named })).chatTemplate, "D");
    assert.equal((await load({ chat_template: [] })).chatTemplate, undefined);
    assert.equal((await load({})).chatTemplate, undefined);
  });

  test("an added token that only tokenizer_config.json names is added, as transformers does; others stay as tokenizer.json has them", async () => {
    const added_tokens_decoder = {
      2043: { content: "<|end|>", rstrip: false, special: false },
      2048: { content: "<|new|>", special: true, rstrip: true },
    };
    const loaded = await loadTokenizer({ tokenizer: phiTinyFile(), tokenizerConfig: { added_tokens_decoder } });
    assert.equal(loaded.vocabSize, 2049);
    assert.deepEqual(loaded.encode("<|new|>  <|end|> ", { parseSpecialTokens: true }), [2048, 2043]);
    assert.equal(loaded.decode([2043, 2048], { skipSpecialTokens: true }), "");
  });

  test("a Source without a tokenizer.json is a SourceError that says what is missing", async () => {
    await assert.rejects(loadTokenizer(bytesSource({ "config.json": json({}) })), SourceError, /tokenizer\.json/);
  });

  test("files that are no JSON, no UTF-8 or no gzip are FormatErrors that name the file", async () => {
    const load = (files: Record<string, Uint8Array>) => loadTokenizer(bytesSource(files));
    await assert.rejects(load({ "tokenizer.json": bytes("{") }), FormatError, /tokenizer\.json/);
    await assert.rejects(load({ "tokenizer.json": bytes("") }), FormatError, /tokenizer\.json/);
    await assert.rejects(load({ "tokenizer.json": Uint8Array.of(0xff, 0xfe) }), FormatError, /tokenizer\.json/);
    await assert.rejects(load({ "tokenizer.json": tokenizer.subarray(0, 5000) }), FormatError, /tokenizer\.json/);
    await assert.rejects(load({ "tokenizer.json.gz": tokenizer }), FormatError, /tokenizer\.json\.gz/);
    const zipped = await gzip(tokenizer);
    await assert.rejects(load({ "tokenizer.json.gz": zipped.subarray(0, 3000) }), FormatError, /tokenizer\.json\.gz/);
    await assert.rejects(load({ "tokenizer.json.gz": await gzip(bytes("{]")) }), FormatError, /tokenizer\.json\.gz/);
    await assert.rejects(
      load({ "tokenizer.json": tokenizer, "tokenizer_config.json": bytes("[") }),
      FormatError,
      /tokenizer_config\.json/,
    );
  });

  test("what is no input is an OptionError", async () => {
    for (const input of [undefined, null, 7, {}, []])
      await assert.rejects(() => loadTokenizer(input as never), OptionError);
  });
});
