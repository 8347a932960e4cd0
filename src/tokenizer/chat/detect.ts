import type { Tokenizer } from "../types.ts";
import { familyOf } from "./families.ts";
import type { ChatFormat, TurnRules } from "./format.ts";
import { rulesOf } from "./rules.ts";
import { Unreadable } from "./template.ts";

/** What of a tokenizer tells its chat format. */
export type ChatTokens = Pick<Tokenizer, "idOf" | "config" | "chatTemplate">;

/**
 * The chat format of a tokenizer: the family by the markers in its vocabulary, the rules by its chat template, which is read, not run.
 * Without a template, or with one that uses more than Phi's templates do, it is the first published format of the family, and `note` says so.
 * @returns undefined for a base model (Phi-1, Phi-1.5, Phi-2), which has no markers of turns and continues plain text
 */
export function chatFormatOf(tokenizer: ChatTokens): ChatFormat | undefined {
  const family = familyOf(tokenizer);
  if (!family) return undefined;
  const format = {
    family: family.name,
    bos: tokenizer.config ? special(tokenizer.config.bos_token) : family.bos,
    eos: tokenizer.config ? special(tokenizer.config.eos_token) : family.eos,
  };
  const first = family.published[0];
  const fallback = { ...format, name: first.name, from: "vocabulary", rules: first.rules } as const;
  if (tokenizer.chatTemplate === undefined)
    return { ...fallback, note: `the files have no chat template: turns are written as ${first.name} writes them` };
  try {
    const rules = rulesOf(tokenizer.chatTemplate, family);
    const published = family.published.find((one) => sameRules(one.rules, rules));
    return {
      ...format,
      name: published?.name ?? family.name,
      from: "template",
      rules,
      ...(!published && {
        note: `the chat template differs from the published ones of ${family.name}, and is followed`,
      }),
    };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const why = `the chat template has what Phi's do not (${error.message})`;
    return { ...fallback, note: `${why}: turns are written as ${first.name} writes them` };
  }
}

/** Equal but for the wording of the preamble. */
function sameRules(a: TurnRules, b: TurnRules): boolean {
  const plain = (rules: TurnRules) => ({ ...rules, preamble: rules.preamble !== undefined, joint: rules.joint ?? "" });
  const [x, y] = [plain(a), plain(b)];
  return (Object.keys(x) as (keyof typeof x)[]).every((key) => x[key] === y[key]);
}

/** A special token of tokenizer_config.json, which writes it as text or as an object with `content`. */
function special(value: unknown): string {
  const text = typeof value === "object" && value !== null ? (value as { content?: unknown }).content : value;
  return typeof text === "string" ? text : "";
}
