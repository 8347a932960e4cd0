import { ChatError } from "../../errors.ts";
import { checkOptions } from "../../options.ts";
import { familyNamed } from "./families.ts";
import type { ChatChange, ChatFormat, ChatMessage, ChatSegment } from "./format.ts";
import { checkMessages, contentError } from "./messages.ts";
import { toolsJson } from "./tools.ts";

/** Options of {@link formatChat}. */
export interface FormatChatOptions {
  /** End with the header of the assistant's turn, so that the model answers. Default: true. */
  addGenerationPrompt?: boolean;
  /** Tools that the model may call: JSON values, or their JSON text as it shall stand. They go into the first system message. */
  tools?: readonly unknown[] | string | null;
}

/** A conversation as a format writes it, before it is encoded. */
export interface FormattedChat {
  segments: ChatSegment[];
  dropped: ChatChange[];
}

/**
 * A conversation as segments of text, by the rules of a format; needs no vocabulary. Joined, the texts equal what transformers renders
 * by the published template. Only markup is `control`: contents, tools and the names of unknown roles never are.
 * @throws ChatError for no message, a role or content that is not text, or tools that are not JSON or given twice
 * @throws OptionError for an unknown option
 */
export function formatChat(
  format: ChatFormat,
  messages: readonly ChatMessage[],
  options: FormatChatOptions = {},
): FormattedChat {
  checkOptions("formatChat", options, ["addGenerationPrompt", "tools"]);
  checkMessages(messages);
  const writer = new Writer(format);
  const { rules } = format;
  const turns = withTools(writer, messages, options.tools);

  if (rules.bos) writer.markup(format.bos);
  if (rules.preamble !== undefined) {
    writer.header("system");
    writer.markup(rules.preamble);
    if (rules.system === "joined") {
      for (const turn of turns.filter(({ role }) => role === "system")) {
        writer.markup(rules.joint ?? "");
        writer.content(turn);
      }
    }
    writer.markup(rules.end);
  }
  for (const turn of turns) writer.turn(turn);
  writer.end(turns.at(-1)?.role, options.addGenerationPrompt ?? true);
  return { segments: writer.segments, dropped: writer.dropped };
}

/** A message with its place in the caller's list; `index` is undefined for the system message that is added to hold the tools. */
interface Turn extends ChatMessage {
  index?: number;
}

class Writer {
  readonly segments: ChatSegment[] = [];
  readonly dropped: ChatChange[] = [];
  readonly format: ChatFormat;

  constructor(format: ChatFormat) {
    this.format = format;
  }

  get family() {
    return familyNamed(this.format.family);
  }

  markup(text: string): void {
    if (text) this.segments.push({ text, control: true });
  }

  private text(text: string, turn: Turn): void {
    if (text) this.segments.push({ text, control: false, ...(turn.index !== undefined && { message: turn.index }) });
  }

  change(effect: ChatChange["effect"], message: number | undefined, part: string, reason: string): void {
    this.dropped.push({ ...(message !== undefined && { message }), part, effect, reason });
  }

  /** The header of a role that the vocabulary knows is markup; that of any other is text, so that no role can name a control token. */
  header(role: string, turn?: Turn): void {
    const text = `${this.family.open}${role}${this.format.rules.close}`;
    if (!turn || this.family.roles.includes(role)) {
      this.markup(text);
      return;
    }
    this.change("changed", turn.index, "role", `"${role}" is no role of ${this.format.name}: its header is plain text`);
    this.text(text, turn);
  }

  content(turn: Turn): void {
    const { rules } = this.format;
    const { content } = turn;
    if (typeof content !== "string") throw contentError(turn, turn.index);
    const kept = rules.trim ? content.replace(PYTHON_SPACE, "") : content;
    if (kept !== content)
      this.change("changed", turn.index, "content", "the chat template cuts off white space around it");
    this.text(kept, turn);
    const { tools } = turn;
    if (turn.role !== "system" || !rules.tools || tools === null || tools === undefined) return;
    if (typeof tools !== "string")
      throw new ChatError({
        what: `message ${turn.index}: "tools" must be JSON text (the option "tools" takes values)`,
        got: tools,
        expected: "a string",
        index: turn.index,
      });
    const [open, close] = this.family.toolMarkers ?? ["", ""];
    this.markup(open);
    this.text(tools, turn);
    this.markup(close);
  }

  turn(turn: Turn): void {
    const { rules } = this.format;
    const reason = this.noTurnFor(turn);
    if (reason !== undefined) {
      this.change("dropped", turn.index, "message", reason);
      return;
    }
    this.unwritten(turn);
    if (turn.role === "system" && rules.system === "joined") return; // it stands in the preamble's turn
    const headerStands = turn.role === "assistant" && rules.assistantHeader === "user turn";
    if (!headerStands) this.header(turn.role, turn);
    this.content(turn);
    this.markup(rules.end);
    if (turn.role === "user" && rules.assistantHeader === "user turn") this.header("assistant");
  }

  /** Why the format leaves a message out, or undefined. */
  private noTurnFor({ role, content }: Turn): string | undefined {
    const { rules, name } = this.format;
    if (role === "user" || role === "assistant") return undefined;
    if (role !== "system")
      return rules.otherRoles === "dropped" ? `${name} has no turn for the role "${role}"` : undefined;
    if (rules.system === "dropped") return `${name} has no turn for the caller's system text`;
    const empty = rules.system === "turn unless empty" && (content ?? "") === "";
    return empty ? `${name} leaves out an empty system turn` : undefined;
  }

  /** Reports the keys of a message that the format writes nowhere. */
  private unwritten(turn: Turn): void {
    const written = ["role", "content", "index"];
    if (turn.role === "system" && this.format.rules.tools) written.push("tools");
    for (const [key, value] of Object.entries(turn)) {
      if (written.includes(key) || value === undefined || value === null) continue;
      this.change("dropped", turn.index, key, `${this.format.name} has no place for it in a "${turn.role}" turn`);
    }
  }

  end(lastRole: string | undefined, asked: boolean): void {
    const { rules, name, eos } = this.format;
    if (rules.prompt === "never") {
      const stands = lastRole === "user";
      if (asked && !stands) this.change("dropped", undefined, "prompt", `${name} writes it after a user turn only`);
      if (!asked && stands) this.change("changed", undefined, "prompt", `${name} ends each user turn with it`);
    } else if (asked && rules.prompt === "unless the assistant spoke last" && lastRole === "assistant") {
      this.change("dropped", undefined, "prompt", `${name} writes none after an assistant turn`);
    } else if (asked) this.header("assistant");
    if (!asked && rules.eos) this.markup(eos);
  }
}

/** What Python's str.strip() cuts off (Unicode's Bidirectional types WS, B and S, and category Zs). */
const PYTHON_SPACE =
  /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

/** The messages with the tools in the first system message, or in one of their own before all others. */
function withTools(writer: Writer, messages: readonly ChatMessage[], tools: FormatChatOptions["tools"]): Turn[] {
  const turns: Turn[] = messages.map((message, index) => ({ ...message, index }));
  if (tools === undefined || tools === null || (Array.isArray(tools) && tools.length === 0)) return turns;
  if (typeof tools !== "string" && !Array.isArray(tools))
    throw new ChatError({ what: "tools", got: tools, expected: "an array of JSON values, or JSON text" });
  const text = typeof tools === "string" ? tools : toolsJson(tools);
  if (!writer.format.rules.tools) {
    writer.change("dropped", undefined, "tools", `${writer.format.name} has no place for tools`);
    return turns;
  }
  const system = turns.find(({ role }) => role === "system");
  if (!system) return [{ role: "system", content: "", tools: text }, ...turns];
  if (system.tools !== undefined && system.tools !== null)
    throw new ChatError({
      what: `tools are given twice: by the option and in message ${system.index}`,
      index: system.index,
    });
  system.tools = text;
  return turns;
}
