import { isSpace } from "../char-set.ts";
import type { AddedToken } from "../types.ts";
import type { ChatChange, ChatSegment } from "./format.ts";

/**
 * The contents whose white space the tokenizer takes away, because the token beside them strips it (`rstrip` of `<|user|>` in
 * Phi-3-mini-4k, `lstrip` and `rstrip` of all markers of Phi-4): the text shows it, the ids do not have it.
 */
export function strippedContents(segments: readonly ChatSegment[], addedTokens: readonly AddedToken[]): ChatChange[] {
  const found: ChatChange[] = [];
  const report = (message: number, side: string, { content }: AddedToken) =>
    found.push({
      message,
      part: "content",
      effect: "changed",
      reason: `its ${side} white space is taken away by the token ${content}, which strips its surroundings`,
    });
  for (const [i, { text, control, message }] of segments.entries()) {
    if (control || message === undefined) continue;
    const before = cutEnd(markup(segments[i - 1]));
    const after = cutStart(markup(segments[i + 1]));
    const left = addedTokens.find((token) => token.rstrip && before !== "" && before.endsWith(token.content));
    const right = addedTokens.find((token) => token.lstrip && after !== "" && after.startsWith(token.content));
    if (left && isSpace(text.charCodeAt(0))) report(message, "leading", left);
    if (right && isSpace(text.charCodeAt(text.length - 1))) report(message, "trailing", right);
  }
  return found;
}

const markup = (segment: ChatSegment | undefined) => (segment?.control ? segment.text : "");

function cutStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return text.slice(start);
}

function cutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
