import { ConfigError } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { findArchitecture } from "./architectures.ts";
import type { PhiConfig } from "./config.ts";
import type { Json } from "./config-keys.ts";

/**
 * Reads a config.json as Hugging Face writes it: the older form (`rope_theta`, `rope_scaling`, `partial_rotary_factor` at the top) and the
 * newer one (`rope_parameters`) give the same result. Harmless unknown keys are ignored; defaults are those of the HF config class.
 * @param file named in errors
 * @param tell of every fault (ConfigError); with anything told, what comes back is no config
 * @throws ConfigError if the model is another architecture, if a known key asks for mathematics that is not built, or if sizes do not fit
 */
export function parseConfig(json: unknown, file = "config.json", tell: Tell = throwIt): PhiConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError({ what: "not a JSON object", file, got: json });
  }
  const raw = json as Json;
  return findArchitecture(raw, file).config(raw, file, tell);
}
