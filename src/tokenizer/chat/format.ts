/**
 * What a chat format is: a few rules by which the turns of a conversation become one text. Every published Phi template is one such
 * set of rules; the families (phi3.ts, phi4.ts, phi4-mini.ts) give the markers and the sets of rules that Microsoft published.
 */

/** One turn of a conversation. Other keys (`name`, `tool_calls` …) are written by no Phi template and are reported as dropped. */
export interface ChatMessage {
  /** "system", "user", "assistant", "tool"; what a format does with any other role is reported in the result. */
  role: string;
  /** The text of the turn. Parts (images, audio) are refused. */
  content: string;
  /** JSON text of the tools, in a system message of a format that has a place for it. The `tools` option writes it for you. */
  tools?: string | null;
}

/** Families of formats: each has its own markers. */
export type ChatFamily = "phi-3" | "phi-4" | "phi-4-mini";

/** The published sets of rules, each named after the model that it came with. */
export type ChatFormatName =
  | "phi-3"
  | "phi-3.5"
  | "phi-3-mini-128k"
  | "phi-3-medium"
  | "phi-3-small"
  | "phi-3-vision"
  | "phi-4"
  | "phi-4-first"
  | "phi-4-reasoning"
  | "phi-4-mini"
  | "phi-4-mini-reasoning";

/** How turns are written. A turn is `open role close content end`, such as `<|user|>\nHello<|end|>\n`. */
export interface TurnRules {
  /** What follows the role in a header: the family's marker and the white space after it. */
  close: string;
  /** What ends a turn: the family's marker and the white space after it. */
  end: string;
  /** The BOS token stands before everything. */
  bos: boolean;
  /** A system text of the template's own, written before the turns. */
  preamble?: string;
  /**
   * A system message is a turn like the others; or is left out, always or when it is empty; or is joined to the preamble, after
   * the text `joint`, so that there is one system turn at the beginning.
   */
  system: "turn" | "turn unless empty" | "dropped" | "joined";
  joint?: string;
  /** The JSON of the tools stands inside the system turn, after its content, between the family's tool markers. */
  tools: boolean;
  /** Roles other than system, user and assistant. */
  otherRoles: "written" | "dropped";
  /** Who writes the assistant's header: the assistant's turn, or each user turn at its end (then whatever the options say). */
  assistantHeader: "assistant turn" | "user turn";
  /** The assistant's header at the end, when a generation prompt is asked for. */
  prompt: "when asked" | "unless the assistant spoke last" | "never";
  /** The EOS token stands at the end, when no generation prompt is asked for. */
  eos: boolean;
  /** White space around every content is cut off. */
  trim: boolean;
}

/** What a family's templates have in common. */
export interface Family {
  name: ChatFamily;
  /** A header is `open role close`, where `close` may be followed by white space; a turn ends with `end`. */
  open: string;
  close: string;
  end: string;
  /** Around the JSON of the tools. */
  toolMarkers?: readonly [string, string];
  /** Roles that the vocabulary knows: their headers are control tokens, those of other roles are text. */
  roles: readonly string[];
  /** The tokens that tell the family by its vocabulary: all of `needs`, none of `lacks`. */
  needs: readonly string[];
  lacks: readonly string[];
  /** Tokens that end an answer. */
  stop: readonly string[];
  /** The BOS and EOS tokens where no tokenizer_config.json names them. */
  bos: string;
  eos: string;
  /** The published sets of rules; the first is taken where no template says which. */
  published: readonly { name: ChatFormatName; rules: TurnRules }[];
}

/** The format of one tokenizer: what `chatFormatOf` finds and `formatChat` writes by. */
export interface ChatFormat {
  family: ChatFamily;
  /** The published format with these rules, or the family's name for rules of somebody's own (`note` says so). */
  name: ChatFormatName;
  /** Where the rules were found: in the chat template, or, with none that can be read, in the markers of the vocabulary. */
  from: "template" | "vocabulary";
  /** What a user should know about how the format was found. */
  note?: string;
  rules: TurnRules;
  /** The BOS and EOS tokens as text; "" where tokenizer_config.json names none, as transformers renders them then. */
  bos: string;
  eos: string;
}

/** Something that the format left out of a conversation, or wrote differently from what was given. */
export interface ChatChange {
  /** Index in the messages, where it belongs to one. */
  message?: number;
  /** "message", "content", "role", "tools", "prompt", or the name of a key that no template writes. */
  part: string;
  effect: "dropped" | "changed";
  /** Why, for people. */
  reason: string;
}

/** A piece of the text: markup of the format (`control`), or what somebody wrote, with the index of its message. */
export interface ChatSegment {
  text: string;
  control: boolean;
  message?: number;
}
