import type { Tokenizer, TokenStream } from "../tokenizer/types.ts";
import { StopText } from "./stop-text.ts";

/** Ids of the prompt that the text decoder sees before the answer: enough for any character and for what a token does to its neighbour. */
const CONTEXT = 16;

/** Turns the ids of an answer into text as they come, up to a stop string. Special tokens leave no text. */
export class TextOut {
  readonly #tokenizer: Tokenizer | undefined;
  readonly #stream: TokenStream | undefined;
  readonly #stops: StopText;

  /**
   * @param tokenizer absent: all text is empty
   * @param before tokens that the answer continues: a continuation keeps the space between them and itself, which a text's own beginning would lose
   */
  constructor(tokenizer: Tokenizer | undefined, stops: readonly string[], before: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#stream = tokenizer?.stream({ skipSpecialTokens: true });
    this.#stops = new StopText(stops);
    for (const id of before.slice(-CONTEXT)) this.#decode(id);
  }

  /** A stop string was found; the text ends before it. */
  get stopped(): boolean {
    return this.#stops.stopped;
  }

  /** Text that is certain by now. */
  push(id: number): string {
    return this.#stops.push(this.#decode(id));
  }

  /** The rest, when no more ids come. */
  end(): string {
    return this.#stops.push(this.#stream?.end() ?? "") + this.#stops.end();
  }

  /** Models have more ids than their tokenizers (the table is padded); such an id leaves no text, as in Hugging Face's decode. */
  #decode(id: number): string {
    if (!this.#stream || this.#tokenizer?.tokenOf(id) === undefined) return "";
    return this.#stream.push(id);
  }
}
