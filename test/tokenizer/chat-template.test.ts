import { chatFormatOf, formatChat } from "../../src/tokenizer/chat/index.ts";
import { suite } from "../harness.ts";
import { familyOfModel, formatFrom, TEMPLATES, textOf } from "./chat-formats.ts";

/** Changes of spelling that change nothing of what a template writes. */
const SPELLINGS: [string, (template: string) => string][] = [
  ["brackets instead of dots", (t) => t.replaceAll(/\bm\.(role|content|tools)/g, "m['$1']")],
  ["another name for the message", (t) => t.replaceAll(/\bm(?=[.[\s])/g, "turn")],
  ["white space control", (t) => t.replaceAll("{% ", "{%- ").replaceAll(" %}", " -%}")],
  ["comments", (t) => `{# who wrote this? #}${t}{#- end -#}`],
  ["a line break at the end", (t) => `${t}\n`],
  ["Windows line breaks", (t) => t.replaceAll("\n", "\r\n")],
  ["blocks on lines of their own", (t) => t.replaceAll(/(\{% (?:for|endfor|if|elif|else|endif)[^%]*%\})/g, "$1\n")],
];

suite("chat templates", ({ test, assert }) => {
  const user = { role: "user", content: "Hi" };

  for (const [model, template] of Object.entries(TEMPLATES)) {
    const name = { "phi-3-mini-4k": "phi-3", "phi-4-multimodal": "phi-4-mini" }[model] ?? model;
    test(`${model} is found by what its template writes`, () => {
      const format = formatFrom(familyOfModel(model), template);
      assert.deepEqual([format.name, format.from, format.note], [name, "template", undefined]);
    });
    for (const [what, respell] of SPELLINGS) {
      // "-" cuts the line breaks that a raw text template writes: there it is another template
      if (what === "white space control" && /\|>\n/.test(template)) continue;
      test(`${model}, spelt with ${what}, has the same rules`, () => {
        const format = formatFrom(familyOfModel(model), template);
        assert.deepEqual(formatFrom(familyOfModel(model), respell(template)), format);
      });
    }
  }

  test("a template with rules of its own is followed, and the note says so", () => {
    const template = `{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ '<|system|>\\n' + m.content | trim + '<|end|>\\n' }}{% elif m.role == 'user' %}{{ '<|user|>\\n' + m.content.strip() + '<|end|>\\n' + '<|assistant|>\\n' }}{% elif m.role == 'assistant' %}{{ m.content | trim + '<|end|>\\n' }}{% endif %}{% endfor %}`;
    const format = formatFrom("phi-3", template);
    assert.equal(format.name, "phi-3");
    assert.ok(format.note?.includes("differs from the published ones"));
    const { segments, dropped } = formatChat(format, [{ role: "system", content: "\x1f a\x85" }, user]);
    assert.equal(textOf({ segments, dropped }), "<s><|system|>\na<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n");
    assert.deepEqual(
      dropped.map(({ message, part, effect }) => [message, part, effect]),
      [[0, "content", "changed"]],
    );
  });

  test("white space between two tags of one line is text, before a tag that begins a line it is none", () => {
    const joint = (between: string) => {
      const loop = `{% if m.role == "system" %}${between}{% generation %}{{ m.content }}{% endgeneration %}`;
      return formatFrom(
        "phi-4-mini",
        TEMPLATES["phi-4-mini-reasoning"].replace('{% if m.role == "system" %}{{ " " + m.content }}', loop),
      ).rules.joint;
    };
    assert.deepEqual([joint(" "), joint("\n  "), joint(" \n  "), joint("\n\n")], [" ", "", " \n", "\n"]);
  });

  const UNREADABLE: [string, string][] = [
    ["a function", "{{ raise_exception('no') }}"],
    ["a variable", "{% set x = 1 %}"],
    ["a condition on the loop", "{% for m in messages %}{% if loop.first %}a{% endif %}{% endfor %}"],
    ["no loop", "{{ messages[0]['content'] }}"],
    ["an if without its endif", "{% for m in messages %}{% if m.content %}"],
    ["an endif without its if", "{% endif %}"],
    ["a loop inside a loop", "{% for m in messages %}{% for n in messages %}{% endfor %}{% endfor %}"],
    ["another alternative", "{% for m in messages %}{% if m.role == 'user' or m.content %}a{% endif %}{% endfor %}"],
    ["markers of another model", "{% for m in messages %}[INST]{{ m.content }}[/INST]{% endfor %}"],
    [
      "a turn for a role of its own",
      TEMPLATES["phi-4"].replace('{% elif m.role == "user"', '{% elif m.role == "critic" %}c{% elif m.role == "user"'),
    ],
    [
      "a turn for one other role only",
      TEMPLATES["phi-4"].replace(
        '{% elif m.role == "user"',
        `{% elif m.role == "tool" %}<|im_start|>tool<|im_sep|>{{ m.content }}<|im_end|>{% elif m.role == "user"`,
      ),
    ],
    ["text after the messages", `${TEMPLATES["phi-4"]}!`],
    [
      "text between a turn's parts",
      TEMPLATES["phi-4"].replace("<|im_sep|>{{ m.content }}", "<|im_sep|>-{{ m.content }}"),
    ],
    ["no end", "{% for m in messages %}{{ '<|im_start|>"],
    ["30,000 characters", TEMPLATES["phi-4"] + "{# #}".repeat(6000)],
  ];
  for (const [what, template] of UNREADABLE) {
    test(`a template with ${what} gives the family's first format, and the note says why`, () => {
      const format = formatFrom("phi-4", template);
      assert.deepEqual([format.name, format.from], ["phi-4", "vocabulary"]);
      assert.ok(format.note?.startsWith("the chat template has what Phi's do not ("), format.note);
    });
  }

  test("a template of brackets only is given up in little time, however long", () => {
    for (const template of [
      "{%".repeat(10_000),
      "{{ '".repeat(5_000),
      "{% if m".repeat(2_800),
      `{{ ${"'a' + ".repeat(3_000)}`,
    ])
      assert.equal(formatFrom("phi-4", template).from, "vocabulary");
  });

  test("a vocabulary without markers of turns has no chat format", () => {
    for (const tokens of [["<|endoftext|>"], ["<|im_start|>", "<|im_end|>"], ["<|user|>", "<|assistant|>"]]) {
      const idOf = (token: string) => (tokens.includes(token) ? 1 : undefined);
      assert.equal(chatFormatOf({ idOf, chatTemplate: TEMPLATES["phi-4"] }), undefined);
    }
  });

  test("BOS and EOS are those of tokenizer_config.json, as text or as an object, and nothing where it names none", () => {
    const eos = (config: Record<string, unknown> | undefined) =>
      textOf(
        formatChat(formatFrom("phi-3", TEMPLATES["phi-3-mini-4k"], config), [user], { addGenerationPrompt: false }),
      ).split("<|end|>\n")[1];
    assert.equal(eos({ eos_token: "<|end|>" }), "<|end|>");
    assert.equal(eos({ eos_token: { content: "<|end|>", lstrip: false } }), "<|end|>");
    assert.equal(eos({ eos_token: null }), "");
    assert.equal(eos(undefined), "<|endoftext|>");
  });
});
