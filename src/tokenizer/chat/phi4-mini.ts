import type { Family, TurnRules } from "./format.ts";

/**
 * Phi-4-mini and Phi-4-multimodal: `<|user|>Hello<|end|><|assistant|>`, without line breaks; tools stand in the system turn:
 * `<|system|>You help.<|tool|>[…]<|/tool|><|end|>`.
 * Rules as the templates in the models' files have them (microsoft/Phi-4-mini-instruct, Phi-4-multimodal-instruct, Phi-4-mini-reasoning).
 */
const rules: TurnRules = {
  close: "|>",
  end: "<|end|>",
  bos: false,
  system: "turn",
  tools: true,
  otherRoles: "written",
  assistantHeader: "assistant turn",
  prompt: "when asked",
  eos: true,
  trim: false,
};

export const phi4Mini: Family = {
  name: "phi-4-mini",
  open: "<|",
  close: "|>",
  end: "<|end|>",
  toolMarkers: ["<|tool|>", "<|/tool|>"],
  roles: ["system", "user", "assistant", "tool", "tool_response"],
  needs: ["<|user|>", "<|assistant|>", "<|end|>", "<|tool|>", "<|/tool|>"],
  lacks: [],
  stop: ["<|endoftext|>", "<|end|>"],
  bos: "<|endoftext|>",
  eos: "<|endoftext|>",
  published: [
    { name: "phi-4-mini", rules },
    // the preamble is the template's: it is read from the file, never written here
    { name: "phi-4-mini-reasoning", rules: { ...rules, preamble: "", system: "joined", joint: " " } },
  ],
};
