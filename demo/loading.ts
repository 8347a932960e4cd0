/** The line that says how the model is: being loaded, or there; and why one could not be loaded. */
import { type LoadProgress, PhiError } from "phi-ts";
import { byId, make } from "./dom.ts";
import { bytes } from "./words.ts";

const state = byId("state-text", HTMLElement);
const bar = byId("progress", HTMLProgressElement);
const trouble = byId("trouble", HTMLElement);
const notices = byId("notices", HTMLElement);
export const cancel = byId("cancel", HTMLButtonElement);

export function showLoading(text: string, mayCancel: boolean): void {
  hideTrouble();
  state.textContent = text;
  bar.removeAttribute("value"); // nothing is known yet
  bar.hidden = false;
  cancel.hidden = !mayCancel;
}

export function showProgress(text: string, { loaded, total }: LoadProgress): void {
  bar.max = total;
  bar.value = loaded;
  state.textContent = `${text}: ${bytes(loaded)} of ${bytes(total)}`;
}

export function hideLoading(text: string): void {
  state.textContent = text;
  bar.hidden = true;
  cancel.hidden = true;
}

/** @param stays what the reader has all the same */
export function showTrouble(text: string, error: unknown, stays: string): void {
  trouble.replaceChildren(make("p", "what", text), make("p", "", reason(error)), make("p", "small", stays));
}

export function hideTrouble(): void {
  trouble.replaceChildren();
}

export function showNotices(list: readonly string[]): void {
  notices.replaceChildren(...list.map((text) => make("li", "", text)));
  notices.hidden = list.length === 0;
}

/** An error in words: those of phi-ts say what was wrong, got and expected. */
export function reason(error: unknown): string {
  if (error instanceof PhiError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
