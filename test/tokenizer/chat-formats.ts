import { type ChatFormat, type ChatMessage, chatFormatOf, type FormattedChat } from "../../src/tokenizer/chat/index.ts";
import { readFixtureJson } from "../fixtures.ts";
import type { Engine } from "../harness.ts";

/** One conversation of chat.json: what transformers renders by the model's published template, and its ids. */
export interface ChatCase {
  messages: ChatMessage[];
  add_generation_prompt: boolean;
  text: string;
  ids: number[];
}

interface ChatFile {
  special_tokens: Record<string, string | null>;
  cases: ChatCase[];
}

export const chatFile = (engine: Engine, model: string): Promise<ChatFile> =>
  readFixtureJson(engine, `tokenizers/${model}/chat.json`);

/** Markers that tell a family, as a vocabulary of nothing else. */
export const VOCABULARIES = {
  "phi-3": ["<s>", "<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"],
  "phi-4": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>"],
  "phi-4-mini": ["<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>", "<|system|>", "<|tool|>", "<|/tool|>"],
} as const;

export function formatFrom(
  vocabulary: keyof typeof VOCABULARIES,
  chatTemplate: string | undefined,
  config: Record<string, unknown> | undefined = { bos_token: "<s>", eos_token: "<|endoftext|>" },
): ChatFormat {
  const tokens: readonly string[] = VOCABULARIES[vocabulary];
  const idOf = (token: string) => (tokens.includes(token) ? tokens.indexOf(token) : undefined);
  const format = chatFormatOf({ idOf, config, chatTemplate });
  if (!format) throw new Error(`no format for ${vocabulary}`);
  return format;
}

export const textOf = ({ segments }: FormattedChat): string => segments.map(({ text }) => text).join("");

const turn = (role: string, close = "\n", end = "\n") => `<|${role}|>${close}{{ m.content }}<|end|>${end}`;
const im = (role: string) => `<|im_start|>${role}<|im_sep|>{{ m.content }}<|im_end|>`;
const ask = (header: string, otherwise = "") => `{% if add_generation_prompt %}${header}${otherwise}{% endif %}`;
const OR_EOS = "{% else %}{{ eos_token }}";

/** Templates of our own that say what the published ones say, in another spelling: raw text, `m.role`, double quotes. */
export const TEMPLATES: Record<string, string> = {
  "phi-3-mini-4k": `{%- for m in messages -%}
    {%- if m.role == "system" -%}{{ "<|system|>\\n" ~ m.content ~ "<|end|>\\n" }}
    {%- elif m.role == "user" -%}{{ "<|user|>\\n" ~ m.content ~ "<|end|>\\n" }}
    {%- elif m.role == "assistant" -%}{{ "<|assistant|>\\n" ~ m.content ~ "<|end|>\\n" }}
    {%- endif -%}
  {%- endfor -%}
  ${ask('{{ "<|assistant|>\\n" }}', OR_EOS)}`,
  "phi-3.5": `{% for m in messages %}{% if m.role == "system" and m.content %}${turn("system")}{% elif (m.role == "user") %}${turn("user")}{% elif m.role == "assistant" %}${turn("assistant")}{% endif %}{% endfor %}${ask("<|assistant|>\n", OR_EOS)}`,
  "phi-3-mini-128k": `{{bos_token}}{% for m in messages %}{% if m.role == "user" %}${turn("user")}<|assistant|>{{ "\\n" }}{% elif m.role == "assistant" %}{{ m["content"] + "<|end|>\\n" }}{% endif %}{% endfor %}`,
  "phi-3-medium": `{% for m in messages %}{% if m.role == "user" %}${turn("user")}<|assistant|>{{ "\\n" }}{% elif m.role == "assistant" %}{{ m["content"] + "<|end|>\\n" }}{% endif %}{% endfor %}`,
  "phi-3-small": `{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ "\\n" + m.content }}<|end|>{{ "\\n" }}{% endfor %}${ask("<|assistant|>\n", OR_EOS)}`,
  "phi-3-vision": `{% for m in messages %}<|{{ m.role }}|>{{ "\\n" + m.content }}<|end|>{{ "\\n" }}{% endfor %}{% if add_generation_prompt and messages[-1].role != "assistant" %}<|assistant|>{{ "\\n" }}{% endif %}`,
  "phi-4": `{% for m in messages %}{% if m.role == "system" %}${im("system")}{% elif m.role == "user" %}${im("user")}{% elif m.role == "assistant" %}${im("assistant")}{% endif %}{% endfor %}${ask("<|im_start|>assistant<|im_sep|>")}`,
  "phi-4-first": `{% for m in messages %}{% if m.role == "system" %}${im("system")}{% elif m.role == "user" %}${im("user")}<|im_start|>assistant<|im_sep|>{% elif m.role == "assistant" %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}`,
  "phi-4-reasoning": `<|im_start|>system<|im_sep|>Think, then answer: <think> … </think>.<|im_end|>{% for m in messages %}{% if m.role == "user" %}${im("user")}{% elif m.role == "assistant" %}<|im_start|>assistant<|im_sep|>{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% endif %}{% endfor %}${ask("<|im_start|>assistant<|im_sep|>")}`,
  "phi-4-mini": `{% for m in messages %}{% if m.role == "system" and "tools" in m and m.tools is not none %}<|system|>{{ m.content }}<|tool|>{{ m.tools }}<|/tool|><|end|>{% else %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}{% endfor %}${ask("<|assistant|>", OR_EOS)}`,
  "phi-4-mini-reasoning": `<|system|>PREAMBLE{% for m in messages %}{% if m.role == "system" %}{{ " " + m.content }}{% if "tools" in m and m.tools is not none %}<|tool|>{{ m.tools }}<|/tool|>{% endif %}{% endif %}{% endfor %}<|end|>{% for m in messages %}{% if m.role != "system" %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}{% endfor %}${ask("<|assistant|>", OR_EOS)}`,
};
TEMPLATES["phi-4-multimodal"] = TEMPLATES["phi-4-mini"];

export const familyOfModel = (model: string): keyof typeof VOCABULARIES =>
  model.startsWith("phi-3") ? "phi-3" : /mini|multi/.test(model) ? "phi-4-mini" : "phi-4";
