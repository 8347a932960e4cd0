import type { Family, TurnRules } from "./format.ts";

/**
 * Phi-3 and Phi-3.5: `<|user|>\nHello<|end|>\n<|assistant|>\n`.
 * Rules as the templates in the models' tokenizer_config.json have them (microsoft/Phi-3-mini-4k-instruct, Phi-3.5-mini-instruct and
 * Phi-3.5-MoE-instruct, Phi-3-mini-128k-instruct, Phi-3-medium, Phi-3-small, Phi-3-vision); the 128k and medium models' drop the system turn.
 */
const rules: TurnRules = {
  close: "|>\n",
  end: "<|end|>\n",
  bos: false,
  system: "turn",
  tools: false,
  otherRoles: "dropped",
  assistantHeader: "assistant turn",
  prompt: "when asked",
  eos: true,
  trim: false,
};

/** Each user turn ends with the assistant's header, so that only answers may follow it. */
const headerByUser: TurnRules = {
  ...rules,
  system: "dropped",
  assistantHeader: "user turn",
  prompt: "never",
  eos: false,
};

export const phi3: Family = {
  name: "phi-3",
  open: "<|",
  close: "|>",
  end: "<|end|>",
  roles: ["system", "user", "assistant"],
  needs: ["<|user|>", "<|assistant|>", "<|end|>"],
  lacks: ["<|tool|>"],
  stop: ["<|endoftext|>", "<|assistant|>", "<|end|>"],
  bos: "<s>",
  eos: "<|endoftext|>",
  published: [
    { name: "phi-3", rules },
    { name: "phi-3.5", rules: { ...rules, system: "turn unless empty" } },
    { name: "phi-3-mini-128k", rules: { ...headerByUser, bos: true } },
    { name: "phi-3-medium", rules: headerByUser },
    { name: "phi-3-small", rules: { ...rules, bos: true, otherRoles: "written" } },
    {
      name: "phi-3-vision",
      rules: { ...rules, otherRoles: "written", prompt: "unless the assistant spoke last", eos: false },
    },
  ],
};
