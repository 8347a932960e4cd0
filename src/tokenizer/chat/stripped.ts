import type { AddedToken } from "../types.ts";
import type { ChatChange, ChatSegment } from "./format.ts";

/** White space as Rust's `\s` has it (Unicode's White_Space), by which added tokens strip; JavaScript's has U+FEFF and lacks U+0085. */
const SPACE = "[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING = new RegExp(`${SPACE}+$`);

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
    const before = markup(segments[i - 1]).replace(TRAILING, "");
    const after = markup(segments[i + 1]).replace(LEADING, "");
    const left = addedTokens.find((token) => token.rstrip && before !== "" && before.endsWith(token.content));
    const right = addedTokens.find((token) => token.lstrip && after !== "" && after.startsWith(token.content));
    if (left && LEADING.test(text)) report(message, "leading", left);
    if (right && TRAILING.test(text)) report(message, "trailing", right);
  }
  return found;
}

const markup = (segment: ChatSegment | undefined) => (segment?.control ? segment.text : "");
