import { type Tell, throwIt } from "../faults.ts";
import { findArchitecture } from "./architectures.ts";
import type { PhiConfig } from "./config.ts";
import type { Json } from "./config-keys.ts";
import { ARCHITECTURES } from "./every-architecture.ts";

/**
 * Reads a config.json as Hugging Face writes it: the older form (`rope_theta`, `rope_scaling`, `partial_rotary_factor` at the top) and the
 * newer one (`rope_parameters`) give the same result. Harmless unknown keys are ignored; defaults are those of the HF config class.
 * @param file named in errors
 * @param tell of every fault (ConfigError); with anything told, what comes back is no config
 * @throws ConfigError if the model is another architecture, if a known key asks for mathematics that is not built, or if sizes do not fit
 */
export function parseConfig(json: unknown, file = "config.json", tell: Tell = throwIt): PhiConfig {
  return findArchitecture(json, file, ARCHITECTURES).config(json as Json, file, tell);
}
