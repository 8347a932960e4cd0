import type { ChatFamily, Family } from "./format.ts";
import { phi3 } from "./phi3.ts";
import { phi4 } from "./phi4.ts";
import { phi4Mini } from "./phi4-mini.ts";

const FAMILIES: readonly Family[] = [phi4, phi4Mini, phi3];

export function familyNamed(name: ChatFamily): Family {
  return FAMILIES.find((family) => family.name === name)!;
}

/** The family whose markers a vocabulary has, or undefined: a base model, which only continues text. */
export function familyOf(tokenizer: { idOf(token: string): number | undefined }): Family | undefined {
  const has = (token: string) => tokenizer.idOf(token) !== undefined;
  return FAMILIES.find((family) => family.needs.every(has) && !family.lacks.some(has));
}
