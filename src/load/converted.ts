import { hasPhiSizes, hasPhiTokens, noPhi } from "../formats/which-phi.ts";
import type { PhiConfig } from "../model/config.ts";
import type { Json } from "../model/config-keys.ts";
import { isConverted } from "../model/llama.ts";
import { ifThere, readJson } from "../source/index.ts";
import type { Source } from "../source/source.ts";

/**
 * Lets a Llama or Mistral pass that is a Phi by its sizes, or by the control tokens of its tokenizer, whose files are read for nothing else.
 * @param json config.json, of which `config` was made
 * @returns `config`
 * @throws ConfigError (code "architecture") for any other
 */
export async function checkConverted(source: Source, json: Json, config: PhiConfig): Promise<PhiConfig> {
  if (!isConverted(json) || hasPhiSizes(config)) return config;
  const { added_tokens_decoder: listed } = asJson(await ifThere(source, "tokenizer_config.json", readJson));
  if (hasPhiTokens(contents(Object.values(asJson(listed))))) return config;
  const { added_tokens: added } = asJson(await ifThere(source, "tokenizer.json", readJson));
  if (hasPhiTokens(contents(Array.isArray(added) ? added : []))) return config;
  throw noPhi(`${json.model_type}`, "config.json", config);
}

const asJson = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

/** The texts of added tokens, as both files write them. */
const contents = (tokens: readonly unknown[]): string[] => tokens.map((token) => `${asJson(token).content}`);
