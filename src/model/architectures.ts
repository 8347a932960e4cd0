import { ConfigError } from "../errors.ts";
import type { Architecture } from "./architecture.ts";
import type { PhiConfig } from "./config.ts";
import type { Json } from "./config-keys.ts";
import { llama, mistral } from "./llama.ts";
import { phi } from "./phi.ts";
import { phi3 } from "./phi3.ts";
import { phi3small } from "./phi3small.ts";
import { phi4Multimodal } from "./phi4-multimodal.ts";
import { phimoe } from "./phimoe.ts";

/** All that are built. */
export const ARCHITECTURES: readonly Architecture[] = [phi, phi3, phi3small, phimoe, phi4Multimodal, llama, mistral];

/** Models of the family that have no decoder here, with their HF model_type; named so that the refusal can be kind. */
const OTHER_PHI: Readonly<Record<string, string>> = {
  phi3_v: "Phi-3-vision",
  phi4flash: "Phi-4-mini-flash-reasoning",
  "phi4-siglip": "Phi-4-reasoning-vision",
  "phi-msft": "an early form of Phi-1.5 and Phi-2, whose present files are of model_type phi",
  "mixformer-sequential": "an early form of Phi-1 and Phi-1.5, whose present files are of model_type phi",
};

/** The architecture of a config.json, by its model_type and its class. @throws ConfigError (code "architecture") */
export function findArchitecture({ model_type: type, architectures }: Json, file: string): Architecture {
  const classes = Array.isArray(architectures) ? architectures : [];
  const found = ARCHITECTURES.find(({ modelType, aliases = [] }) => modelType === type || aliases.includes(`${type}`));
  if (found && (classes.length === 0 || found.classes.some((name) => classes.includes(name)))) return found;
  const known = typeof type === "string" && Object.hasOwn(OTHER_PHI, type) ? ` (${OTHER_PHI[type]})` : "";
  const got = classes.length > 0 ? `${type}, ${classes.join(", ")}` : type;
  const expected = ARCHITECTURES.map((a) => `${a.modelType} (${a.classes.join(" or ")})`).join(", ");
  throw new ConfigError({ what: `this architecture is not built${known}`, file, got, expected }, "architecture");
}

/** The architecture of a model. One that was converted to another type is that which it was. */
export function architectureOf({ modelType }: Pick<PhiConfig, "modelType">): Architecture {
  return ARCHITECTURES.find((a) => a.modelType === modelType) as Architecture;
}
