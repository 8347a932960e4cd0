import type { PhiConfig } from "../../model/config.ts";
import { publishedModel, publishedNames } from "../../model/published.ts";

/** The published models that a configuration may be of. Those of one shape only their weights tell apart; a fine-tune has the shape of what it was made of. */
export function recognize(config: PhiConfig): string[] {
  const found = publishedModel(config);
  return found?.exact ? found.name.split(" or ") : [];
}

/** "microsoft/phi-1_5" is "Phi-1.5", and "Phi-3-mini-4k-instruct" is "Phi-3-mini-4k". */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^microsoft\//, "")
    .replace(/-instruct$/, "")
    .replace("_", ".");

/** Whether a case's model is one of `names`. */
export const isOneOf = (model: string, names: readonly string[]): boolean =>
  names.some((name) => plain(name) === plain(model));

/** Whether a case's model is a published one, so that its figures are of no use for another. */
export const isPublished = (model: string): boolean => isOneOf(model, publishedNames());
