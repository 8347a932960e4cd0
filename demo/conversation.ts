/** A conversation with a model: what was said, and one answer at a time. It knows nothing of the page. */
import type { ChatMessage, GenerateOptions, GenerateResult, Phi } from "phi-ts";

/** An answer is an answer to the conversation so far; "continue" goes on with a text, which is no part of the conversation. */
export type Kind = "ask" | "continue";

export interface Listener {
  /** New text, as soon as it is certain. */
  onText(text: string, tokens: number): void;
  signal: AbortSignal;
}

/** How an answer ended. */
export interface Answer {
  text: string;
  tokens: number;
  /** "stopped": by the reader. */
  end: GenerateResult["finishReason"] | "stopped";
  /** Of an answer that was not stopped. */
  result?: GenerateResult;
}

export class Conversation {
  readonly #phi: Phi;
  readonly #messages: ChatMessage[] = [];

  constructor(phi: Phi) {
    this.#phi = phi;
  }

  /**
   * @throws PhiError, as `phi.chat` does; what was asked is then no part of the conversation
   */
  async answer(kind: Kind, text: string, options: GenerateOptions, listener: Listener): Promise<Answer> {
    const { signal } = listener;
    const asked: ChatMessage = { role: "user", content: text };
    const call = { ...options, onContextFull: "stop", signal } as const;
    const run = kind === "ask" ? this.#phi.chat([...this.#messages, asked], call) : this.#phi.generate(text, call);
    const answer: Answer = { text: "", tokens: 0, end: "stopped" };
    try {
      for await (const piece of run) {
        answer.text += piece.text;
        answer.tokens += piece.ids.length;
        listener.onText(piece.text, answer.tokens);
      }
      answer.result = await run.result();
      answer.end = answer.result.finishReason;
    } catch (error) {
      // What there was before the reader stopped it stays.
      if (!signal.aborted) throw error;
    }
    if (kind === "ask") this.#messages.push(asked, { role: "assistant", content: answer.text });
    return answer;
  }
}
