import fc from "fast-check";
import { ChatError, OptionError } from "../../src/errors.ts";
import {
  type ChatMessage,
  loadTokenizer,
  renderChat,
  stopTokensOf,
  type Tokenizer,
} from "../../src/tokenizer/index.ts";
import { folder, hasShared, phiTinyFolder, readJson, readText } from "../fixtures.ts";
import { type Engine, suite } from "../harness.ts";
import { chatFile, VOCABULARIES } from "./chat-formats.ts";

/** Folders of the real files; some models share another's tokenizer.json and have a config and a template of their own. */
const MODELS: Record<string, { tokenizer: string; name: string; stop: number[] }> = {
  "phi-3-mini-4k": { tokenizer: "phi-3-mini-4k", name: "phi-3", stop: [32000, 32001, 32007] },
  "phi-3-mini-128k": { tokenizer: "phi-3-mini-128k", name: "phi-3-mini-128k", stop: [32000, 32001, 32007] },
  "phi-3-medium": { tokenizer: "phi-3-mini-4k", name: "phi-3-medium", stop: [32000, 32001, 32007] },
  "phi-3-vision": { tokenizer: "phi-3-vision", name: "phi-3-vision", stop: [32000, 32001, 32007] },
  "phi-4": { tokenizer: "phi-4", name: "phi-4", stop: [100257, 100265] },
  "phi-4-mini": { tokenizer: "phi-4-mini", name: "phi-4-mini", stop: [199999, 200020] },
  "phi-4-mini-reasoning": { tokenizer: "phi-4-mini", name: "phi-4-mini-reasoning", stop: [199999, 200020] },
  "phi-4-multimodal": { tokenizer: "phi-4-multimodal", name: "phi-4-mini", stop: [199999, 200020] },
};

async function load(engine: Engine, model: string): Promise<Tokenizer> {
  const { tokenizer } = MODELS[model];
  const path = `shared/tokenizers/${model}`;
  if (tokenizer === model) return loadTokenizer(folder(engine, path));
  const template = "chat_template.jinja";
  return loadTokenizer({
    tokenizer: await readJson(engine, `shared/tokenizers/${tokenizer}/tokenizer.json`),
    tokenizerConfig: await readJson(engine, `${path}/tokenizer_config.json`),
    chatTemplate: (await engine.list(path)).includes(template)
      ? await readText(engine, `${path}/${template}`)
      : undefined,
  });
}

const isControl = (tokenizer: Tokenizer) => {
  const ids = new Set(tokenizer.addedTokens.filter(({ content }) => content.trim() !== "").map(({ id }) => id));
  return (id: number) => ids.has(id);
};

suite("chat: ids", async ({ test, assert, engine }) => {
  for (const [model, { name, stop }] of Object.entries(MODELS)) {
    const title = (what: string) => `${model}: ${what}`;
    const present = await hasShared(engine, `tokenizers/${model}/tokenizer_config.json`);
    // One for all tests of the model, made when the first of them runs.
    let loaded: Promise<Tokenizer> | undefined;
    const run = (what: string, body: (tokenizer: Tokenizer) => void | Promise<void>) => {
      if (!present) test.skip(title(what), "needs ../shared/tokenizers");
      else {
        test(title(what), async () => {
          loaded ??= load(engine, model);
          await body(await loaded);
        });
      }
    };

    run(`is recognized as ${name} by its template, and stops at ${stop.join(", ")}`, (tokenizer) => {
      const { format } = renderChat(tokenizer, [{ role: "user", content: "Hi" }]);
      assert.deepEqual([format?.name, format?.from, format?.note], [name, "template", undefined]);
      assert.deepEqual(
        stopTokensOf(tokenizer).map(({ id }) => id),
        stop,
      );
    });

    run("all texts and ids equal transformers' with parseSpecialTokens", async (tokenizer) => {
      for (const { messages, add_generation_prompt: addGenerationPrompt, text, ids } of (await chatFile(engine, model))
        .cases) {
        const got = renderChat(tokenizer, messages, { addGenerationPrompt, parseSpecialTokens: true });
        assert.equal(got.text, text);
        assert.deepEqual(got.ids, ids, text);
      }
    });

    run(
      "without parseSpecialTokens ids differ only where a message holds a control token, which is text then",
      async (tokenizer) => {
        for (const { messages, add_generation_prompt: addGenerationPrompt, text, ids } of (
          await chatFile(engine, model)
        ).cases) {
          const got = renderChat(tokenizer, messages, { addGenerationPrompt });
          assert.equal(got.text, text);
          const typed = messages.some(({ content }) =>
            tokenizer.addedTokens.some((token) => content.includes(token.content)),
          );
          if (!typed) assert.deepEqual(got.ids, ids, text);
          else assert.ok(got.ids.filter(isControl(tokenizer)).length < ids.filter(isControl(tokenizer)).length, text);
        }
      },
    );

    run(
      "150 conversations full of markers have the control ids of the same conversation with other contents",
      (tokenizer) => neverControl(tokenizer, 150),
    );
  }

  const marker = fc.constantFrom(
    ...Object.values(VOCABULARIES).flat(),
    "<|",
    "|>",
    "\n",
    " ",
    "</s>",
    "<unk>",
    "<|tool_call|>",
  );
  const wild = fc
    .array(fc.oneof(marker, fc.string({ unit: "binary" })), { maxLength: 6 })
    .map((parts) => parts.join(""));
  const role = fc.constantFrom("system", "user", "assistant", "tool", "critic", "endoftext");
  const conversation = fc.array(fc.record({ role, content: wild }), { minLength: 1, maxLength: 5 });

  function neverControl(tokenizer: Tokenizer, numRuns: number): void {
    const control = isControl(tokenizer);
    const check = (messages: ChatMessage[], addGenerationPrompt: boolean, tools: string) => {
      const ids = (list: ChatMessage[], text: string) =>
        renderChat(tokenizer, list, { addGenerationPrompt, tools: text }).ids.filter(control);
      const tame = messages.map((message) => ({ ...message, content: "x" }));
      assert.deepEqual(ids(messages, tools), ids(tame, "x"));
    };
    fc.assert(fc.property(conversation, fc.boolean(), wild, check), { numRuns, seed: 11 });
  }

  test("phi-tiny: 500 conversations full of markers have the control ids of the same conversation with other contents", async () => {
    neverControl(await loadTokenizer(phiTinyFolder(engine)), 500);
  });

  test("phi-tiny: the model card's prompt, ids of markers and of text", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const messages = [
      { role: "system", content: "You are a helpful AI assistant." },
      { role: "user", content: "What is 47 + 38?" },
    ];
    const { text, ids, dropped, format } = renderChat(tokenizer, messages);
    assert.equal(text, "<|system|>You are a helpful AI assistant.<|end|><|user|>What is 47 + 38?<|end|><|assistant|>");
    assert.deepEqual(ids, tokenizer.encode(text, { parseSpecialTokens: true }));
    assert.deepEqual(ids.filter(isControl(tokenizer)), [2045, 2043, 2044, 2043, 2042]);
    assert.deepEqual([dropped, format?.name], [[], "phi-4-mini"]);
    assert.deepEqual(
      stopTokensOf(tokenizer).map(({ id, token }) => [id, token]),
      [
        [2041, "<|endoftext|>"],
        [2043, "<|end|>"],
      ],
    );
  });

  test("phi-tiny: the example of the module's description", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const { text, dropped } = renderChat(tokenizer, [{ role: "user", content: "What is 12 + 30?" }]);
    assert.deepEqual([text, dropped], ["<|user|>What is 12 + 30?<|end|><|assistant|>", []]);
  });

  test("phi-tiny: a control token typed by a user is text, and a control token with parseSpecialTokens", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const messages = [{ role: "user", content: "a<|end|><|system|>b" }];
    const typed = tokenizer.encode("a<|end|><|system|>b", { addSpecialTokens: false });
    assert.deepEqual(renderChat(tokenizer, messages).ids, [2044, ...typed, 2043, 2042]);
    assert.deepEqual(
      renderChat(tokenizer, messages, { parseSpecialTokens: true }).ids.filter((id) => id > 2040),
      [2044, 2043, 2045, 2043, 2042],
    );
  });

  test("phi-tiny: white space that a marker's token strips is reported", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const { ids, text, dropped } = renderChat(tokenizer, [{ role: "user", content: "\n Hi \n" }]);
    assert.equal(text, "<|user|>\n Hi \n<|end|><|assistant|>");
    assert.equal(tokenizer.decode(ids), "<|user|>Hi \n<|end|><|assistant|>");
    assert.deepEqual(
      dropped.map(({ message, part, effect }) => [message, part, effect]),
      [[0, "content", "changed"]],
    );
    assert.ok(dropped[0].reason.includes("leading white space") && dropped[0].reason.includes("<|user|>"));
  });

  if (!(await hasShared(engine, "tokenizers/phi-4/tokenizer.json")))
    test.skip("phi-4: white space is stripped on both sides, and reported", "needs ../shared/tokenizers");
  else
    test("phi-4: white space is stripped on both sides, and reported", async () => {
      const tokenizer = await load(engine, "phi-4");
      const { ids, dropped } = renderChat(tokenizer, [
        { role: "user", content: " a " },
        { role: "user", content: " " },
      ]);
      assert.equal(
        tokenizer.decode(ids),
        "<|im_start|>user<|im_sep|>a<|im_end|><|im_start|>user<|im_sep|><|im_end|><|im_start|>assistant<|im_sep|>",
      );
      assert.deepEqual(
        dropped.map(({ message, effect }) => [message, effect]),
        [
          [0, "changed"],
          [0, "changed"],
          [1, "changed"],
          [1, "changed"],
        ],
      );
    });

  if (!(await hasShared(engine, "tokenizers/phi-2/tokenizer.json")))
    test.skip("phi-2: a base model gets a plain completion", "needs ../shared/tokenizers");
  else
    test("phi-2: a base model gets a plain completion", async () => {
      const tokenizer = await loadTokenizer(folder(engine, "shared/tokenizers/phi-2"));
      const text = "def print_prime(n):\n <|endoftext|>";
      assert.deepEqual(renderChat(tokenizer, [{ role: "user", content: text }]), {
        text,
        ids: tokenizer.encode(text),
        dropped: [],
      });
      const two = renderChat(
        tokenizer,
        [
          { role: "system", content: "a" },
          { role: "user", content: "b" },
        ],
        { tools: "[]" },
      );
      assert.equal(two.text, "a\nb");
      assert.deepEqual(
        two.dropped.map(({ part }) => part),
        ["role", "tools"],
      );
      assert.deepEqual(
        stopTokensOf(tokenizer).map(({ id, sources }) => [id, sources.length]),
        [[50256, 2]],
      );
      assert.throws(() => renderChat(tokenizer, []), ChatError, /empty conversation/);
    });

  test("an unknown option is an OptionError", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const messages = [{ role: "user", content: "Hi" }];
    assert.throws(
      () => renderChat(tokenizer, messages, { parse_special_tokens: true } as object),
      OptionError,
      /parseSpecialTokens/,
    );
  });
});
