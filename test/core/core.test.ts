import { phi, phi3small, phimoe } from "../../src/core/architectures.ts";
import { gguf } from "../../src/core/gguf.ts";
import {
  ConfigError,
  type CoreOptions,
  FormatError,
  loadPhi,
  OptionError,
  openModel,
  type Phi,
  PhiError,
  TokenizerError,
} from "../../src/core/index.ts";
import { int4 } from "../../src/core/int4.ts";
import { lora } from "../../src/core/lora.ts";
import { offThread } from "../../src/core/off-thread.ts";
import { reference } from "../../src/core/reference.ts";
import { text } from "../../src/core/text.ts";
import { loadPhi as loadWhole } from "../../src/index.ts";
import type { EngineParts } from "../../src/load/engine-parts.ts";
import { serve } from "../../src/worker/serve.ts";
import { adapterFolders } from "../adapter-fixtures.ts";
import { openPhiTiny } from "../api/phi-tiny.ts";
import { folder } from "../fixtures.ts";
import { craft, text as ggufText } from "../formats/gguf/craft.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";
import { channel } from "../worker/pair.ts";

const QUESTION = "What is 12 + 30?";
const GPTQ = "test/fixtures/int4/gptq-64-asym";

suite("core", async ({ test, assert, engine }) => {
  const { files } = await openPhiTiny(engine);

  async function withPhi(use: (phi: Phi) => Promise<void>, options: CoreOptions = {}, source = files()): Promise<void> {
    const phi = await loadPhi(source, options);
    try {
      await use(phi);
    } finally {
      await phi.dispose();
    }
  }

  test("without any part: ids in, ids out, to the bits of phi-ts", async () => {
    const whole = await loadWhole(files());
    const prompt = whole.tokenizer.encode("12 + 30 =");
    await withPhi(async (phi) => {
      assert.deepEqual(await phi.forward(prompt), await whole.forward(prompt));
      const options = { temperature: 0, maxTokens: 8 };
      const { ids, text } = await phi.generate(prompt, options).result();
      assert.deepEqual(ids, (await whole.generate(prompt, options).result()).ids);
      assert.equal(text, "");
      const named = (id: number) => phi.stopTokens.some((token) => token.id === id);
      for (const { id, sources } of whole.stopTokens)
        assert.equal(
          named(id),
          sources.some((s) => /config.json$/.test(s)),
        );
    });
    await whole.dispose();
  });

  test("with lora, adapters work as in phi-ts, to the bit; without, the option is a FormatError that names the import", async () => {
    const source = goldenSource(engine, "phi-4");
    const adapters = adapterFolders(engine, ["phi-4-a"]);
    const whole = await loadWhole(source, { adapters });
    const expected = await whole.forward([1, 2, 3], { adapter: "phi-4-a" });
    await whole.dispose();
    await withPhi(
      async (phi) => assert.deepEqual(await phi.forward([1, 2, 3], { adapter: "phi-4-a" }), expected),
      { adapters, lora },
      source,
    );
    await assert.rejects(loadPhi(source, { adapters }), FormatError, /without LoRA adapters; .*phi-ts\/core\/lora/);
    await assert.rejects(loadPhi(source, { lora: {} as typeof lora }), OptionError, /option "lora"/);
  });

  test("without text, whatever needs it is a TokenizerError that names the import", async () => {
    await withPhi(async (phi) => {
      for (const call of [
        () => phi.tokenizer,
        () => phi.chat(QUESTION),
        () => phi.generate(QUESTION),
        () => phi.generate([1], { stop: "." }),
      ]) {
        const error = assert.throws(call, TokenizerError, /phi-ts\/core\/text/) as TokenizerError;
        assert.equal(error.code, "no_tokenizer");
      }
    });
  });

  test("with text it answers as phi-ts does", async () => {
    const whole = await loadWhole(files());
    const options = { temperature: 0, maxTokens: 24 };
    await withPhi(
      async (phi) => {
        const answer = await phi.chat(QUESTION, options).result();
        assert.equal(answer.text, (await whole.chat(QUESTION, options).result()).text);
        assert.deepEqual(phi.stopTokens, whole.stopTokens);
      },
      { text },
    );
    await whole.dispose();
  });

  test("a GGUF file without its part is a FormatError no_part that names the import: by its bytes, and in a folder", async () => {
    const file = craft({ metadata: [["general.architecture", ggufText("phi3")]] });

    const inFolder = { list: async () => ["a.gguf"], open: () => Promise.reject(new Error("not opened")) };
    for (const input of [file, inFolder]) {
      const error = (await assert.rejects(loadPhi(input), FormatError, /phi-ts\/core\/gguf/)) as FormatError;
      assert.equal(error.code, "no_part");
    }
    const read = (await assert.rejects(loadPhi(file, { formats: [gguf] }), PhiError)) as PhiError;
    assert.ok(read.code !== "no_part", read.message);
  });

  test("an int4 checkpoint without its part is a FormatError no_part that names the import; with it, the bits are those of phi-ts", async () => {
    const error = (await assert.rejects(
      loadPhi(folder(engine, GPTQ)),
      FormatError,
      /phi-ts\/core\/int4/,
    )) as FormatError;
    assert.equal(error.code, "no_part");
    const whole = await loadWhole(folder(engine, GPTQ));
    await withPhi(
      async (phi) => assert.deepEqual(await phi.forward([1, 2, 3]), await whole.forward([1, 2, 3])),
      { formats: [gguf, int4] },
      folder(engine, GPTQ),
    );
    await whole.dispose();
  });

  const MODELS = [
    [phi, "phi-2"],
    [phi3small, "phi-3-small-8k"],
    [phimoe, "phi-3.5-moe"],
  ] as const;
  for (const [architecture, golden] of MODELS) {
    const { modelType: name } = architecture;
    test(`a model of architecture ${name} without its part is a ConfigError no_part that names the import; with it, the bits are those of phi-ts`, async () => {
      const source = goldenSource(engine, golden);
      const error = await assert.rejects(
        loadPhi(source),
        ConfigError,
        new RegExp(`architectures: \\[${name}\\].*phi-ts/core/architectures`),
      );
      assert.equal((error as ConfigError).code, "no_part");
      const whole = await loadWhole(source);
      const expected = await whole.forward([1, 2, 3]);
      await whole.dispose();
      const architectures = [architecture];
      const { worker, inside } = channel();
      serve(inside, { architectures });
      for (const options of [{ architectures }, { architectures, worker: offThread(() => worker) }])
        await withPhi(async (phi) => assert.deepEqual(await phi.forward([1, 2, 3]), expected), options, source);
    });
  }

  test("in a worker whose file serves the same parts, the bits are the same; one that lacks a part says so", async () => {
    const workerWith = (parts: EngineParts) => () => {
      const { worker, inside } = channel();
      serve(inside, parts);
      return worker;
    };
    const near = await loadPhi(folder(engine, GPTQ), { formats: [int4] });
    await withPhi(
      async (phi) => assert.deepEqual(await phi.forward([1, 2, 3]), await near.forward([1, 2, 3])),
      { formats: [int4], worker: offThread(workerWith({ formats: [int4] })) },
      folder(engine, GPTQ),
    );
    await near.dispose();
    const bare = loadPhi(folder(engine, GPTQ), { formats: [int4], worker: offThread(workerWith({})) });
    await assert.rejects(bare, FormatError, /phi-ts\/core\/int4/);
  });

  test("the reference kernels without their part are refused with the import's name; with it they run", async () => {
    await assert.rejects(loadPhi(files(), { kernels: "reference" }), undefined, /phi-ts\/core\/reference/);
    await withPhi(async (phi) => assert.equal(phi.kernels, "reference"), { kernels: "reference", reference });
  });

  test("openModel gives what loadPhi takes; options and parts that are none are OptionErrors", async () => {
    for (const options of [
      { formats: gguf },
      { formats: ["gguf"] },
      { architectures: phimoe },
      { architectures: ["phimoe"] },
      { text: "text" },
      { worker: true },
      { worker: () => undefined },
      { helpers: 2 },
      { threads: 2 },
      { tokenizer: text },
    ]) {
      await assert.rejects(loadPhi(files(), options as unknown as CoreOptions), OptionError);
    }
    await assert.rejects(openModel(files(), { timeout: 1 } as object), OptionError, /unknown option/);
    await assert.rejects(openModel(3 as unknown as string), OptionError, /openModel: cannot read from this; got 3/);
    const phi = await loadPhi(await openModel(files()));
    assert.equal(phi.config.modelType, "phi3");
    await phi.dispose();
    await assert.rejects(loadPhi("models/phi-tiny" as unknown as Uint8Array), OptionError, /cannot read from this/);
  });
});
