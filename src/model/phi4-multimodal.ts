/**
 * HF model_type `phi4_multimodal`, published by Microsoft as `phi4mm`: the text of Phi-4-multimodal (HF Phi4MultimodalDecoderLayer). Its decoder is
 * that of phi3. Microsoft's checkpoint holds each matrix as `base_layer` beside two LoRA adapters, which only images and sound switch on
 * (HF Phi4Multimodal: none for text), and the towers for those inputs; none of these is read.
 */
import type { Architecture } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import { sharedKeys } from "./config-keys.ts";
import { PHI3_KEYS, phi3Buffers, phi3Layer, phi3Weights } from "./phi3.ts";
import { joined, type WeightSpec } from "./weights.ts";

export const phi4Multimodal: Architecture = {
  modelType: "phi4_multimodal",
  models: "the text of Phi-4-multimodal",
  aliases: ["phi4mm"],
  classes: ["Phi4MultimodalForCausalLM", "Phi4MMForCausalLM"],
  config: (raw, file, tell) => sharedKeys(raw, file, "phi4_multimodal", PHI3_KEYS, tell),
  weights: phi4MultimodalWeights,
  unused: (tensor) => /\.lora_[AB]\.(vision|speech)\.weight$/.test(tensor),
  buffers: phi3Buffers,
  layer: phi3Layer,
};

/** phi3's, whose matrices may be called base_layer: "…qkv_proj.weight" or "…qkv_proj.base_layer.weight". */
function phi4MultimodalWeights(c: PhiConfig): WeightSpec[] {
  const inLayer = ({ vector, place }: WeightSpec) => !vector && typeof place === "number";
  return phi3Weights(c).map((spec) => (inLayer(spec) ? joined(spec, [["/base_layer", spec.rows]]) : spec));
}
