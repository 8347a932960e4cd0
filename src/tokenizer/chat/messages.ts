import { ChatError } from "../../errors.ts";
import type { ChatMessage } from "./format.ts";

export function contentError({ content }: { content?: unknown }, index: number | undefined): ChatError {
  const parts = Array.isArray(content);
  const what = parts ? "content in parts (images, audio) is not supported" : "content must be text";
  return new ChatError({ what: `message ${index}: ${what}`, got: content, expected: "a string", index });
}

/**
 * Content that is missing (null, undefined) passes here and is refused where it is written: a format may leave the message out.
 * @throws ChatError unless the messages are one or more objects with a role, and with content that is no other thing than text
 */
export function checkMessages(messages: readonly ChatMessage[]): void {
  if (!Array.isArray(messages)) throw new ChatError({ what: "messages", got: messages, expected: "an array" });
  if (messages.length === 0) throw new ChatError({ what: "an empty conversation", expected: "one message at least" });
  for (const [index, message] of messages.entries()) {
    const facts = { expected: "an object { role, content } of strings", index };
    if (typeof message !== "object" || message === null)
      throw new ChatError({ what: `message ${index}`, got: message, ...facts });
    const { role, content } = message as Partial<ChatMessage>;
    if (typeof role !== "string") throw new ChatError({ what: `message ${index}: role`, got: role, ...facts });
    if (typeof content !== "string" && content !== undefined && content !== null)
      throw contentError({ content }, index);
  }
}
