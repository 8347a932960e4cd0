export { chatFormatOf } from "./detect.ts";
export type {
  ChatChange,
  ChatFamily,
  ChatFormat,
  ChatFormatName,
  ChatMessage,
  ChatSegment,
  TurnRules,
} from "./format.ts";
export { type FormatChatOptions, type FormattedChat, formatChat } from "./format-chat.ts";
export { type RenderChatOptions, type RenderedChat, renderChat } from "./render.ts";
export { type StopToken, stopTokensOf } from "./stop.ts";
