import { ConfigError } from "../errors.ts";
import type { Architecture } from "./architecture.ts";
import type { Json } from "./config-keys.ts";
import { llama, mistral } from "./llama.ts";
import { phi3 } from "./phi3.ts";
import { phi4Multimodal } from "./phi4-multimodal.ts";

/** Those that every program has: phi3, and what shares its decoder. All: every-architecture.ts. */
export const CORE_ARCHITECTURES: readonly Architecture[] = [phi3, phi4Multimodal, llama, mistral];

/** Models of the family that have no decoder here, with their HF model_type; named so that the refusal can be kind. */
const OTHER_PHI: Readonly<Record<string, string>> = {
  phi3_v: "Phi-3-vision",
  phi4flash: "Phi-4-mini-flash-reasoning",
  "phi4-siglip": "Phi-4-reasoning-vision",
  "phi-msft": "an early form of Phi-1.5 and Phi-2, whose present files are of model_type phi",
  "mixformer-sequential": "an early form of Phi-1 and Phi-1.5, whose present files are of model_type phi",
};

/**
 * The architecture of a config.json, by its model_type and its class.
 * @param among those that the program has
 * @throws ConfigError (code "architecture"), and for what is no JSON object
 */
export function findArchitecture(json: unknown, file: string, among: readonly Architecture[]): Architecture {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError({ what: "not a JSON object", file, got: json });
  }
  const { model_type: type, architectures } = json as Json;
  const classes = Array.isArray(architectures) ? architectures : [];
  const found = among.find(({ modelType, aliases = [] }) => modelType === type || aliases.includes(`${type}`));
  if (found && (classes.length === 0 || found.classes.some((name) => classes.includes(name)))) return found;
  const known = typeof type === "string" && Object.hasOwn(OTHER_PHI, type) ? ` (${OTHER_PHI[type]})` : "";
  const got = classes.length > 0 ? `${type}, ${classes.join(", ")}` : type;
  const expected = among.map((a) => `${a.modelType} (${a.classes.join(" or ")})`).join(", ");
  throw new ConfigError({ what: `this architecture is not built${known}`, file, got, expected }, "architecture");
}
