import { FormatError } from "../../errors.ts";
import type { Tokenizer } from "../types.ts";
import { familyOf } from "./families.ts";

/** A token that ends an answer, and who says so. */
export interface StopToken {
  id: number;
  /** Its text; undefined without a tokenizer, or for an id that the vocabulary does not have. */
  token?: string;
  /** "generation_config.json", "config.json", "tokenizer_config.json", "end of turn in phi-3" … */
  sources: string[];
}

type StopTokens = Pick<Tokenizer, "idOf" | "tokenOf" | "config" | "generationConfig">;
type Config = Readonly<Record<string, unknown>>;

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
  const found = new Map<number, string[]>();
  const add = (id: number | undefined, source: string) => {
    if (id === undefined) return;
    const sources = found.get(id) ?? [];
    if (!sources.includes(source)) sources.push(source);
    found.set(id, sources);
  };
  for (const id of eosIds(generationConfig, "generation_config.json")) add(id, "generation_config.json");
  for (const id of eosIds(config, "config.json")) add(id, "config.json");
  if (tokenizer) {
    const eos = tokenizer.config?.eos_token;
    const text = typeof eos === "object" && eos !== null ? (eos as { content?: unknown }).content : eos;
    if (typeof text === "string") add(tokenizer.idOf(text), "tokenizer_config.json");
    const family = familyOf(tokenizer);
    const source = family ? `end of turn in ${family.name}` : "end of text";
    for (const token of family?.stop ?? ["<|endoftext|>"]) add(tokenizer.idOf(token), source);
  }
  return [...found.entries()]
    .sort(([a], [b]) => a - b)
    .map(([id, sources]) => {
      const token = tokenizer?.tokenOf(id);
      return { id, ...(token !== undefined && { token }), sources };
    });
}

function eosIds(config: Config | null | undefined, file: string): number[] {
  const value = config?.eos_token_id;
  if (value === undefined || value === null) return [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0))
    throw new FormatError({ file, what: "eos_token_id", got: value, expected: "a token id or a list of token ids" });
  return ids;
}
