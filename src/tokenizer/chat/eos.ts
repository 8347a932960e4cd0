import { FormatError } from "../../errors.ts";

/** A token that ends an answer, and who says so. */
export interface StopToken {
  id: number;
  /** Its text; undefined without a tokenizer, or for an id that the vocabulary does not have. */
  token?: string;
  /** "generation_config.json", "config.json", "tokenizer_config.json", "end of turn in phi-3" …; of a GGUF file "metadata" in place of files. */
  sources: string[];
}

export type Config = Readonly<Record<string, unknown>>;

/**
 * The tokens that generation_config.json and config.json (both as parsed) name as the end of a text, by ascending id.
 * @throws FormatError for an `eos_token_id` that is neither an id nor a list of ids
 */
export function eosTokensOf(
  generationConfig: Config | null | undefined,
  config: Config | null | undefined,
): StopToken[] {
  const tokens: StopToken[] = [];
  for (const id of eosIds(generationConfig, "generation_config.json")) addSource(tokens, id, "generation_config.json");
  for (const id of eosIds(config, "config.json")) addSource(tokens, id, "config.json");
  return tokens.sort((a, b) => a.id - b.id);
}

/** The same where the JSON files were made of a GGUF file's metadata: that is where the tokens come from. */
export function ofMetadata(tokens: readonly StopToken[]): StopToken[] {
  const named = (source: string) => (source.endsWith("config.json") ? "metadata" : source);
  return tokens.map((token) => ({ ...token, sources: [...new Set(token.sources.map(named))] }));
}

/** One more who says that `id` ends an answer. */
export function addSource(tokens: StopToken[], id: number, source: string): void {
  const known = tokens.find((token) => token.id === id);
  if (!known) tokens.push({ id, sources: [source] });
  else if (!known.sources.includes(source)) known.sources.push(source);
}

function eosIds(config: Config | null | undefined, file: string): number[] {
  const value = config?.eos_token_id;
  if (value === undefined || value === null) return [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0))
    throw new FormatError({ file, what: "eos_token_id", got: value, expected: "a token id or a list of token ids" });
  return ids;
}
