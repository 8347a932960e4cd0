/**
 * HF model_type `llama` and `mistral`: Phi-3 and Phi-4 as fine-tuning tools save them (HF LlamaDecoderLayer, MistralDecoderLayer). It is phi3 whose
 * q, k and v, and gate and up, lie apart in the file, and so it is in memory and everywhere else; only the keys of config.json have other
 * defaults. Which Llamas are Phi: src/formats/which-phi.ts.
 */
import { ConfigError } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import type { Architecture } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import { type Json, type Keys, sharedKeys } from "./config-keys.ts";
import { PHI3_KEYS, phi3 } from "./phi3.ts";

export const llama: Architecture = {
  ...phi3,
  modelType: "llama",
  models: "Phi-3 and Phi-4, converted to Llama",
  classes: ["LlamaForCausalLM"],
  // HF's Llama has no window, whatever its config says.
  config: (raw, file, tell) => convertedConfig({ ...raw, sliding_window: null }, file, 2048, tell),
};

export const mistral: Architecture = {
  ...phi3,
  modelType: "mistral",
  models: "Phi-3 and Phi-4, converted to Mistral",
  classes: ["MistralForCausalLM"],
  config: (raw, file, tell) => convertedConfig({ sliding_window: 4096, ...raw }, file, 131072, tell),
};

/** Whether a config.json is of one of these. */
export const isConverted = ({ model_type: type }: Json): boolean => type === "llama" || type === "mistral";

/** Defaults of HF LlamaConfig and MistralConfig. */
function convertedConfig(raw: Json, file: string, contextLength: number, tell: Tell = throwIt): PhiConfig {
  const keys: Keys = { ...PHI3_KEYS, contextLength };
  const config = sharedKeys({ rms_norm_eps: 1e-6, ...raw }, file, "phi3", keys, tell);
  const { rotaryDim, headDim } = config;
  const what = "rotary dimensions of a Llama's head, all of which turn";
  if (rotaryDim !== headDim) tell(new ConfigError({ what, file, got: rotaryDim, expected: headDim }));
  return config;
}
