import { checkOptions } from "../../options.ts";
import type { Tokenizer } from "../types.ts";
import { chatFormatOf } from "./detect.ts";
import type { ChatChange, ChatFormat, ChatMessage } from "./format.ts";
import { type FormatChatOptions, type FormattedChat, formatChat } from "./format-chat.ts";
import { checkMessages, contentError } from "./messages.ts";
import { strippedContents } from "./stripped.ts";

/** Options of {@link renderChat}. */
export interface RenderChatOptions extends FormatChatOptions {
  /**
   * Let control tokens be recognized in contents, roles and tools too, as Hugging Face does. Default: false, so that "<|end|>" typed by
   * a user is text. The ids are the same either way for conversations in which nobody writes a control token.
   */
  parseSpecialTokens?: boolean;
}

/** A conversation as text and ids. */
export interface RenderedChat {
  /** The conversation as the model's published chat template writes it. */
  text: string;
  ids: number[];
  /** How it was written; undefined for a base model, whose prompt is the contents alone. */
  format?: ChatFormat;
  /** What the format left out or changed: system turns without a place, tools, unknown roles, white space that tokens strip. */
  dropped: ChatChange[];
}

/**
 * A conversation as the model was trained to read it: text and ids.
 * Message contents, roles and tools are plain text unless `parseSpecialTokens` is set. For a base model (no chat format) it is a plain
 * completion: the contents, joined by line breaks.
 * @throws ChatError for no message, a role or content that is not text, or tools that are not JSON or given twice
 * @throws OptionError for an unknown option
 */
export function renderChat(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  options: RenderChatOptions = {},
): RenderedChat {
  checkOptions("renderChat", options, ["addGenerationPrompt", "tools", "parseSpecialTokens"]);
  const { parseSpecialTokens = false, ...formatOptions } = options;
  const format = chatFormatOf(tokenizer);
  const { segments, dropped } = format ? formatChat(format, messages, formatOptions) : plain(messages, formatOptions);
  const text = segments.map((segment) => segment.text).join("");
  const ids = parseSpecialTokens
    ? tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true })
    : tokenizer.encodeSegments(segments, { addSpecialTokens: format === undefined });
  return {
    text,
    ids,
    ...(format && { format }),
    dropped: [...dropped, ...strippedContents(segments, tokenizer.addedTokens)],
  };
}

/** The prompt of a base model: nothing but the contents. */
function plain(messages: readonly ChatMessage[], { tools }: FormatChatOptions): FormattedChat {
  checkMessages(messages);
  const dropped: ChatChange[] = [];
  if (messages.length > 1 || messages[0].role !== "user")
    dropped.push({
      part: "role",
      effect: "dropped",
      reason: "a base model has no turns: the contents are joined by line breaks",
    });
  if (tools?.length) dropped.push({ part: "tools", effect: "dropped", reason: "a base model has no place for tools" });
  const segments = messages.map(({ content }, message) => {
    if (typeof content !== "string") throw contentError({ content }, message);
    return { text: message > 0 ? `\n${content}` : content, control: false, message };
  });
  return { segments, dropped };
}
