import type { Tokenizer } from "../types.ts";
import { addSource, type Config, eosTokensOf, type StopToken } from "./eos.ts";
import { familyOf } from "./families.ts";

export type { StopToken } from "./eos.ts";

type StopTokens = Pick<Tokenizer, "idOf" | "tokenOf" | "config" | "generationConfig">;

/**
 * The tokens that end an answer, by ascending id: those that generation_config.json and config.json name (config.json alone is wrong
 * for most Phi models), the EOS token of tokenizer_config.json, and the family's end-of-turn tokens that the vocabulary has.
 * @param generationConfig generation_config.json as parsed; default: that of the tokenizer's folder
 * @param config config.json as parsed
 * @throws FormatError for an `eos_token_id` that is neither an id nor a list of ids
 */
export function stopTokensOf(
  tokenizer: StopTokens | undefined,
  generationConfig: Config | null | undefined = tokenizer?.generationConfig,
  config?: Config | null,
): StopToken[] {
  const tokens = eosTokensOf(generationConfig, config);
  if (!tokenizer) return tokens;
  const add = (text: string, source: string) => {
    const id = tokenizer.idOf(text);
    if (id !== undefined) addSource(tokens, id, source);
  };
  const eos = tokenizer.config?.eos_token;
  const text = typeof eos === "object" && eos !== null ? (eos as { content?: unknown }).content : eos;
  if (typeof text === "string") add(text, "tokenizer_config.json");
  const family = familyOf(tokenizer);
  const source = family ? `end of turn in ${family.name}` : "end of text";
  for (const token of family?.stop ?? ["<|endoftext|>"]) add(token, source);
  return tokens
    .sort((a, b) => a.id - b.id)
    .map(({ id, sources }) => {
      const token = tokenizer.tokenOf(id);
      return { id, ...(token !== undefined && { token }), sources };
    });
}
