import { OptionError, TokenizerError } from "../errors.ts";
import type { ChatChange, ChatMessage, renderChat as render, Tokenizer } from "../tokenizer/index.ts";
import { Generation } from "./generation.ts";
import { checkIds, type TokenIds } from "./ids.ts";
import { type Checked, checkGenerate, type GenerateOptions } from "./options.ts";
import type { GenerateResult, Piece } from "./result.ts";
import { type Model, run } from "./run.ts";

/** Options of {@link Phi.chat}. */
export interface ChatOptions extends GenerateOptions {
  /** Tools that the model may call: JSON values, or their JSON text. They stand where the model's chat format has a place for them. */
  tools?: readonly unknown[] | string;
}

/** An answer of a chat. */
export interface ChatResult extends GenerateResult {
  /** What the model's chat format left out of the conversation or changed, and why. */
  dropped: ChatChange[];
}

/** Checks a call of `generate` and makes its run, which begins at the first reading. */
export function startGenerate(model: Model, prompt: string | TokenIds, options: GenerateOptions): Generation {
  const checked = checkCall(model, "generate", options);
  const ids = typeof prompt === "string" ? encode(model, prompt, checked) : checkIds("generate", prompt, vocab(model));
  return new Generation((ending) => run(model, { prompt: ids, options: checked, ownText: false }, ending));
}

/** The same for `chat`; a string is one message of the user. A base model, which has no turns, continues the text. */
export function startChat(
  model: Model,
  input: string | readonly ChatMessage[],
  options: ChatOptions,
): Generation<ChatResult> {
  const checked = checkCall(model, "chat", options, ["tools"]);
  const { tokenizer, renderChat } = needText(model);
  if (typeof input !== "string" && !Array.isArray(input)) {
    throw new OptionError({ what: "chat: the conversation", got: input, expected: "a string or an array of messages" });
  }
  const messages = typeof input === "string" ? [{ role: "user", content: input }] : input;
  const { parseSpecialTokens } = checked;
  const { ids, dropped, format } = renderChat(tokenizer, messages, { tools: options.tools, parseSpecialTokens });
  const prompt = checkIds("chat", ids.length > 0 ? ids : bosOf(model, "chat"), vocab(model));
  const job = { prompt, options: checked, ownText: format !== undefined };
  return new Generation((ending) => withDropped(run(model, job, ending), dropped));
}

async function* withDropped(
  answer: AsyncGenerator<Piece, GenerateResult, void>,
  dropped: ChatChange[],
): AsyncGenerator<Piece, ChatResult, void> {
  return { ...(yield* answer), dropped };
}

function checkCall(model: Model, where: string, options: GenerateOptions, more: readonly string[] = []): Checked {
  model.backend.check();
  const hasLongRope = model.backend.config.longrope !== undefined;
  const checked = checkGenerate(where, options, vocab(model), hasLongRope, more, model.adapters);
  if (checked.stop.length > 0) needTokenizer(model);
  return checked;
}

const vocab = (model: Model): number => model.backend.config.vocabSize;

/** @throws TokenizerError (code "no_tokenizer") if the checkpoint came without one, or the program without text */
export const needTokenizer = (model: Model): Tokenizer => needText(model).tokenizer;

function needText({ tokenizer, renderChat }: Model): { tokenizer: Tokenizer; renderChat: typeof render } {
  if (tokenizer && renderChat) return { tokenizer, renderChat };
  const [got, expected] = renderChat
    ? ["no tokenizer.json beside the weights", "a folder that has one"]
    : ["loadPhi of phi-ts/core without text", '{ text } of "phi-ts/core/text"'];
  const facts = { got, expected: `token ids instead of text (generate, forward), or ${expected}` };
  throw new TokenizerError({ what: "this model was loaded without a tokenizer", ...facts }, "no_tokenizer");
}

function encode(model: Model, text: string, { parseSpecialTokens }: Checked): number[] {
  const ids = needTokenizer(model).encode(text, { parseSpecialTokens });
  return checkIds("generate", ids.length > 0 ? ids : bosOf(model, "generate"), vocab(model));
}

/** The prompt of an empty text: the BOS token, as in Hugging Face's generate. @throws OptionError where the model has none */
function bosOf(model: Model, where: string): number[] {
  const { bosTokenId } = model.backend.config;
  if (bosTokenId !== undefined) return [bosTokenId];
  throw new OptionError({ what: `${where}: the prompt is empty`, got: '""', expected: "at least one token" });
}
