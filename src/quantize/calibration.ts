import { OptionError } from "../errors.ts";
import { Prng } from "../generate/prng.ts";
import { loadPhi, type PhiOptions } from "../load-phi.ts";
import type { Phi } from "../phi.ts";
import type { Source } from "../source/index.ts";
import { renderChat, type Tokenizer } from "../tokenizer/index.ts";
import { CHAT_OPENINGS, TEXT_OPENINGS } from "./openings.ts";

/** Token ids of one sequence, from position 0. */
export type Ids = readonly number[];

/** A text, cut into sequences of `length` tokens side by side, up to `tokens` in all. @throws OptionError for a text of no tokens */
export function textSequences(tokenizer: Tokenizer, text: string, tokens: number, length: number): Ids[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).slice(0, tokens);
  if (ids.length === 0)
    throw new OptionError({ what: "quantizeCheckpoint: the calibration text", got: text, expected: "some tokens" });
  const cut: Ids[] = [];
  for (let i = 0; i < ids.length; i += length) cut.push(ids.slice(i, i + length));
  return cut;
}

/**
 * The model itself, with weights that are quantized as loading does it, as a writer of calibration texts: what it is likely to say is what
 * its matrices will see. Sequence n is the same whatever was written before it.
 */
export class OwnTexts {
  readonly #phi: Phi;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #seed: number;
  readonly #length: number;

  private constructor(phi: Phi, tokenizer: Tokenizer | undefined, seed: number, length: number) {
    this.#phi = phi;
    this.#tokenizer = tokenizer;
    this.#seed = seed;
    this.#length = length;
  }

  /** @param length of the longest sequence, in tokens @throws as {@link loadPhi} */
  static async load(source: Source, hasTokenizer: boolean, seed: number, length: number, options: PhiOptions) {
    const phi = await loadPhi(source, { ...options, weights: "q4", contextSize: length });
    return new OwnTexts(phi, hasTokenizer ? phi.tokenizer : undefined, seed, length);
  }

  /** Sequence number `n`: an opening, and what the model makes of it at temperature 1, its last token included. */
  async write(n: number, signal?: AbortSignal): Promise<Ids> {
    const opening = this.#opening(n);
    const seed = (this.#seed * 65536 + n) % Number.MAX_SAFE_INTEGER;
    const options = { temperature: 1, seed, maxTokens: this.#length - opening.length, signal };
    const { ids } = await this.#phi.generate(opening, options).result();
    return [...opening, ...ids];
  }

  #opening(n: number): Ids {
    const half = Math.floor(n / 2);
    // Without a tokenizer any token is as good as another.
    if (!this.#tokenizer) return [Prng.fromSeed(n).nextInt() % this.#phi.config.vocabSize];
    const text = TEXT_OPENINGS[half % TEXT_OPENINGS.length];
    const content = CHAT_OPENINGS[half % CHAT_OPENINGS.length];
    const ids =
      n % 2 === 0 ? this.#tokenizer.encode(text) : renderChat(this.#tokenizer, [{ role: "user", content }]).ids;
    return ids.slice(0, Math.max(1, this.#length - 1));
  }

  dispose(): Promise<void> {
    return this.#phi.dispose();
  }
}
