import type { Family, TurnRules } from "./format.ts";

/**
 * Phi-4 (14B): `<|im_start|>user<|im_sep|>Hello<|im_end|><|im_start|>assistant<|im_sep|>`.
 * Rules as the templates in the models' tokenizer_config.json have them (microsoft/phi-4 and its first form, and
 * microsoft/Phi-4-reasoning and -plus, whose own system text stands first and whose template drops the caller's).
 */
const rules: TurnRules = {
  close: "<|im_sep|>",
  end: "<|im_end|>",
  bos: false,
  system: "turn",
  tools: false,
  otherRoles: "dropped",
  assistantHeader: "assistant turn",
  prompt: "when asked",
  eos: false,
  trim: false,
};

export const phi4: Family = {
  name: "phi-4",
  open: "<|im_start|>",
  close: "<|im_sep|>",
  end: "<|im_end|>",
  roles: ["system", "user", "assistant"],
  needs: ["<|im_start|>", "<|im_sep|>", "<|im_end|>"],
  lacks: [],
  stop: ["<|endoftext|>", "<|im_end|>"],
  bos: "<|endoftext|>",
  eos: "<|im_end|>",
  published: [
    { name: "phi-4", rules },
    { name: "phi-4-first", rules: { ...rules, assistantHeader: "user turn", prompt: "never" } },
    // the preamble is the template's: it is read from the file, never written here
    { name: "phi-4-reasoning", rules: { ...rules, system: "dropped", preamble: "" } },
  ],
};
