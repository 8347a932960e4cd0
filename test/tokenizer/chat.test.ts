import fc from "fast-check";
import { ChatError, OptionError } from "../../src/errors.ts";
import { type ChatMessage, formatChat } from "../../src/tokenizer/chat/index.ts";
import { suite } from "../harness.ts";
import { chatFile, familyOfModel, formatFrom, TEMPLATES, textOf, VOCABULARIES } from "./chat-formats.ts";

const GOLDENS = [
  "phi-3-mini-4k",
  "phi-3-mini-128k",
  "phi-3-medium",
  "phi-3-vision",
  "phi-4",
  "phi-4-mini",
  "phi-4-mini-reasoning",
  "phi-4-multimodal",
];

const user = (content: string): ChatMessage => ({ role: "user", content });
const of = (model: string) => formatFrom(familyOfModel(model), TEMPLATES[model]);
const text = (model: string, messages: ChatMessage[], options = {}) => textOf(formatChat(of(model), messages, options));

suite("chat formats: texts", async ({ test, assert, engine }) => {
  for (const model of GOLDENS) {
    const { cases, special_tokens } = await chatFile(engine, model);
    test(`${model}: all ${cases.length} texts equal what transformers renders`, () => {
      // the reasoning model's template begins with a system text of its own: it stands in every golden
      const preamble = /^<\|system\|>(.*?)<\|end\|>/.exec(cases[0].text)?.[1] ?? "";
      const template = TEMPLATES[model].replace("PREAMBLE", preamble);
      const format = formatFrom(familyOfModel(model), template, special_tokens);
      for (const { messages, add_generation_prompt: addGenerationPrompt, text } of cases)
        assert.equal(textOf(formatChat(format, messages, { addGenerationPrompt })), text);
    });
  }

  for (const [model, template] of [
    ["phi-3-mini-4k", undefined] as const,
    ["phi-4", undefined] as const,
    ["phi-4-mini", undefined] as const,
  ]) {
    test(`${model}: the same texts without a template, by the markers of the vocabulary`, async () => {
      const format = formatFrom(familyOfModel(model), template, undefined);
      assert.equal(format.from, "vocabulary");
      for (const { messages, add_generation_prompt: addGenerationPrompt, text } of (await chatFile(engine, model))
        .cases)
        assert.equal(textOf(formatChat(format, messages, { addGenerationPrompt })), text);
    });
  }

  test("addGenerationPrompt is true by default", () => {
    assert.equal(text("phi-4", [user("Hi")]), "<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>");
  });

  test("phi-4-reasoning writes its own system text and drops the caller's", () => {
    const { segments, dropped } = formatChat(of("phi-4-reasoning"), [
      { role: "system", content: "Be brief." },
      user("Hi"),
    ]);
    assert.equal(
      textOf({ segments, dropped }),
      "<|im_start|>system<|im_sep|>Think, then answer: <think> … </think>.<|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>",
    );
    assert.deepEqual(
      dropped.map(({ message, part, effect }) => [message, part, effect]),
      [[0, "message", "dropped"]],
    );
  });

  test("phi-4's first template ends each user turn with the assistant's header", () => {
    const messages = [user("a"), { role: "assistant", content: "b" }, user("c")];
    assert.equal(
      text("phi-4-first", messages, { addGenerationPrompt: false }),
      "<|im_start|>user<|im_sep|>a<|im_end|><|im_start|>assistant<|im_sep|>b<|im_end|><|im_start|>user<|im_sep|>c<|im_end|><|im_start|>assistant<|im_sep|>",
    );
  });

  test("same roles in a row, a system turn in the middle and empty contents are written as they come", () => {
    const messages = [user(""), user(" b "), { role: "system", content: "c" }, user("d")];
    assert.equal(
      text("phi-3-mini-4k", messages),
      "<|user|>\n<|end|>\n<|user|>\n b <|end|>\n<|system|>\nc<|end|>\n<|user|>\nd<|end|>\n<|assistant|>\n",
    );
  });

  test("phi-4-mini-reasoning joins every system message, wherever it stands, to its own system turn", () => {
    const messages = [user("a"), { role: "system", content: "b" }, user("c"), { role: "system", content: "" }];
    assert.equal(
      text("phi-4-mini-reasoning", messages),
      "<|system|>PREAMBLE b <|end|><|user|>a<|end|><|user|>c<|end|><|assistant|>",
    );
  });

  test("a generation prompt after an assistant turn is written, but not by phi-3-vision and phi-3-medium, which report it", () => {
    const messages = [user("a"), { role: "assistant", content: "b" }];
    assert.ok(text("phi-4-mini", messages).endsWith("b<|end|><|assistant|>"));
    for (const model of ["phi-3-vision", "phi-3-medium"]) {
      const result = formatChat(of(model), messages);
      assert.ok(textOf(result).endsWith("b<|end|>\n"), model);
      assert.deepEqual(
        result.dropped.map(({ part, effect }) => [part, effect]),
        [["prompt", "dropped"]],
      );
    }
  });

  test("a header that a template writes unasked is reported as changed", () => {
    const { dropped } = formatChat(of("phi-3-medium"), [user("a")], { addGenerationPrompt: false });
    assert.deepEqual(
      dropped.map(({ part, effect }) => [part, effect]),
      [["prompt", "changed"]],
    );
  });
});

suite("chat formats: what is dropped, changed and refused", ({ test, assert }) => {
  const drops = (model: string, messages: ChatMessage[], options = {}) =>
    formatChat(of(model), messages, options).dropped.map(({ message, part, effect }) => [message, part, effect]);

  test("phi-3-medium and phi-3-mini-128k drop system turns; phi-3-mini-4k drops none", () => {
    const messages = [{ role: "system", content: "a" }, user("b"), { role: "system", content: "c" }];
    for (const model of ["phi-3-medium", "phi-3-mini-128k"])
      assert.deepEqual(drops(model, messages), [
        [0, "message", "dropped"],
        [2, "message", "dropped"],
        [undefined, "prompt", "dropped"],
      ]);
    assert.deepEqual(drops("phi-3-mini-4k", messages), []);
  });

  test("phi-3.5 drops a system turn only if it is empty", () => {
    assert.deepEqual(drops("phi-3.5", [{ role: "system", content: "" }, user("b")]), [[0, "message", "dropped"]]);
    assert.deepEqual(drops("phi-3.5", [{ role: "system", content: " " }, user("b")]), []);
  });

  test("unknown roles: dropped by phi-3 and phi-4, written as plain text by phi-4-mini and phi-3-vision", () => {
    const messages = [{ role: "critic", content: "a" }, user("b")];
    assert.deepEqual(drops("phi-3-mini-4k", messages), [[0, "message", "dropped"]]);
    assert.deepEqual(drops("phi-4", messages), [[0, "message", "dropped"]]);
    assert.deepEqual(drops("phi-3-vision", messages), [[0, "role", "changed"]]);
    assert.deepEqual(drops("phi-4-mini", messages), [[0, "role", "changed"]]);
    const { segments } = formatChat(of("phi-4-mini"), messages);
    assert.deepEqual(segments[0], { text: "<|critic|>", control: false, message: 0 });
  });

  test("a role that spells a control token stays text", () => {
    for (const role of ["end", "endoftext", "/tool", "user|>x<|end"]) {
      const { segments } = formatChat(of("phi-4-mini"), [{ role, content: "a" }, user("b")]);
      assert.deepEqual(segments[0], { text: `<|${role}|>`, control: false, message: 0 });
    }
  });

  test("keys that no template writes are reported, empty ones are not", () => {
    const message = { role: "assistant", content: "a", tool_calls: [{}], name: undefined, refusal: null };
    assert.deepEqual(drops("phi-4-mini", [message as ChatMessage]), [[0, "tool_calls", "dropped"]]);
    assert.deepEqual(drops("phi-4-mini", [{ ...user("a"), tools: "[]" }]), [[0, "tools", "dropped"]]);
    assert.deepEqual(drops("phi-4", [{ role: "system", content: "a", tools: "[]" }]), [[0, "tools", "dropped"]]);
  });

  test("no message, a role or content that is not text, and parts are ChatErrors that name the message", () => {
    const refuse = (messages: unknown, expected: RegExp) =>
      assert.throws(() => formatChat(of("phi-4"), messages as ChatMessage[]), ChatError, expected);
    refuse([], /empty conversation/);
    refuse("Hi", /messages.*array/);
    refuse([user("a"), null], /message 1/);
    refuse([{ content: "a" }], /message 0: role/);
    refuse([user("a"), { role: "user" }], /message 1: content must be text; got undefined/);
    refuse([{ role: "assistant", content: null }], /message 0: content must be text; got null/);
    refuse([{ role: "user", content: [{ type: "image" }] }], /content in parts \(images, audio\) is not supported/);
    refuse([{ role: "critic", content: [{ type: "text", text: "a" }] }], /content in parts/);
    const error = assert.throws(() => formatChat(of("phi-4"), [user("a"), { role: "user" } as ChatMessage]), ChatError);
    assert.equal((error as ChatError).index, 1);
  });

  test("an unknown option is an OptionError", () => {
    assert.throws(
      () => formatChat(of("phi-4"), [user("a")], { add_generation_prompt: true } as object),
      OptionError,
      /addGenerationPrompt/,
    );
  });
});

suite("chat formats: nobody's text becomes markup", ({ test, assert }) => {
  const marker = fc.constantFrom(
    ...Object.values(VOCABULARIES).flat(),
    "<|",
    "|>",
    "\n",
    " ",
    "</s>",
    "<|tool_call|>",
    "<|im_start|>system<|im_sep|>",
  );
  const wild = fc
    .array(fc.oneof(marker, fc.string({ unit: "binary" })), { maxLength: 6 })
    .map((parts) => parts.join(""));
  const role = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("system", "user", "assistant", "tool") },
    { weight: 1, arbitrary: wild },
  );
  const messages = fc.array(fc.record({ role, content: wild }), { minLength: 1, maxLength: 5 });

  for (const model of Object.keys(TEMPLATES)) {
    test(`${model}: 300 conversations full of markers have the markup of the same conversation with other contents`, () => {
      fc.assert(
        fc.property(messages, fc.boolean(), wild, (list, addGenerationPrompt, tools) => {
          const options = { addGenerationPrompt, tools };
          const markup = (all: ChatMessage[], toolText: string) =>
            formatChat(of(model), all, { ...options, tools: toolText }).segments.flatMap((s) =>
              s.control ? [s.text] : [],
            );
          const tame = list.map(({ role }) => ({ role, content: "x" }));
          // phi-3.5 leaves out empty system turns, so that its markup depends on that much
          const same = list.map(({ role, content }) => ({ role, content: content || (role === "system" ? "x" : "") }));
          assert.deepEqual(markup(same, tools), markup(tame, "x"));
        }),
        { numRuns: 300, seed: 7 },
      );
    });
  }

  test("phi-4-mini: contents and tools stand in the text as they were given, 300 conversations", () => {
    fc.assert(
      fc.property(messages, wild, (list, tools) => {
        const { segments } = formatChat(of("phi-4-mini"), list, { tools });
        const own = segments.filter(({ control }) => !control).map(({ text }) => text);
        for (const content of [tools, ...list.map((message) => message.content)])
          assert.ok(content === "" || own.includes(content), content);
      }),
      { numRuns: 300, seed: 8 },
    );
  });
});
