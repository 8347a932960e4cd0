/** The few things that every part of the page does with the document. Text goes in through textContent only. */

/** The element of index.html with this id. @throws Error if there is none of that kind */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`index.html has no ${kind.name} with the id "${id}"`);
}

/** A new element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

const status = byId("status", HTMLElement);

/** Tells a screen reader something, once, when it has finished speaking. */
export function announce(text: string): void {
  status.textContent = text;
}
