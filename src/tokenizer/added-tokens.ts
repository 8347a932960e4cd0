import { asArray, asBoolean, asId, asObject, asString, malformed } from "./fields.ts";
import type { AddedToken } from "./types.ts";
import type { Vocab } from "./vocab.ts";

/**
 * The added tokens of tokenizer.json and, where tokenizer_config.json names more, those of its `added_tokens_decoder` too (as transformers
 * adds them), in the order of their ids.
 * @throws FormatError for a token without text, or one whose text or id another has
 */
export function readAddedTokens(file: unknown, config: unknown, vocab: Vocab): AddedToken[] {
  const byText = new Map<string, AddedToken>();
  const byId = new Map<number, AddedToken>();
  const add = (token: AddedToken, where: string) => {
    const taken = byId.get(token.id)?.content ?? vocab.tokens[token.id];
    if (taken !== undefined && taken !== token.content)
      malformed(where, token.id, `an id of its own; ${JSON.stringify(taken)} has it`);
    const known = byText.get(token.content)?.id ?? vocab.ids.get(token.content);
    if (known !== undefined && known !== token.id)
      malformed(where, token.id, `${known}, the id of ${JSON.stringify(token.content)}`);
    if (byId.has(token.id)) malformed(where, token.content, "each added token once");
    byText.set(token.content, token);
    byId.set(token.id, token);
  };
  if (file !== undefined && file !== null) {
    asArray(file, "added_tokens").forEach((item, i) => {
      const where = `added_tokens[${i}]`;
      const fields = asObject(item, where);
      add(readToken(fields, asId(fields.id, `${where}.id`), where), where);
    });
  }
  for (const [key, item] of Object.entries(asObject(config ?? {}, "added_tokens_decoder of tokenizer_config.json"))) {
    const where = `added_tokens_decoder["${key}"] of tokenizer_config.json`;
    const token = readToken(item, asId(/^\d{1,9}$/.test(key) ? Number(key) : key, where), where);
    // Where both files have a token, tokenizer.json counts.
    if (!byText.has(token.content)) add(token, where);
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

function readToken(item: unknown, id: number, where: string): AddedToken {
  const fields = asObject(item, where);
  const content = asString(fields.content, `${where}.content`);
  if (content === "" || /\p{Cs}/u.test(content))
    malformed(`${where}.content`, content, "text of at least one character");
  const flag = (name: string, fallback: boolean) => asBoolean(fields[name], `${where}.${name}`, fallback);
  const special = flag("special", false);
  return {
    id,
    content,
    special,
    lstrip: flag("lstrip", false),
    rstrip: flag("rstrip", false),
    singleWord: flag("single_word", false),
    normalized: flag("normalized", !special),
  };
}
