// Kept in the declarations: projects whose "lib" ends at ES2022 do not know Symbol.asyncDispose.
/// <reference lib="esnext.disposable" preserve="true" />
import { type Notice, OptionError } from "./errors.ts";
import { type AdapterChoice, type AdapterOption, Adapters } from "./generate/adapters.ts";
import type { Backend } from "./generate/backend.ts";
import type { Generation } from "./generate/generation.ts";
import { checkIds, type TokenIds } from "./generate/ids.ts";
import { checkRope, type GenerateOptions } from "./generate/options.ts";
import type { GenerateResult } from "./generate/result.ts";
import type { Model } from "./generate/run.ts";
import { checkForward, type ForwardOptions, Sequence, type SequenceOptions } from "./generate/sequence.ts";
import { type ChatOptions, type ChatResult, needTokenizer, startChat, startGenerate } from "./generate/start.ts";
import type { LoadedModel, MemoryUse } from "./load/load.ts";
import type { PhiConfig } from "./model/config.ts";
import { checkOptions } from "./options.ts";
import type { ChatMessage, StopToken, Tokenizer } from "./tokenizer/index.ts";

/** What a {@link Phi} is made of; {@link loadPhi} puts it together. */
export interface PhiParts {
  model: Model;
  loaded: Omit<LoadedModel, "decoder">;
  stopTokens: readonly StopToken[];
}

/**
 * A loaded model. Calls may overlap: they take turns token by token, and chunk by chunk of their prompts. What a call has computed is kept
 * (as far as the KV pool has room), so that a later call which begins with the same tokens computes only the rest, to the same bits.
 */
export class Phi {
  /** Sizes and constants of the model, from its config.json. */
  readonly config: PhiConfig;
  /** Numbers that the model consists of, and how many of them a token goes through. */
  readonly parameters: LoadedModel["parameters"];
  /** Bytes that the model takes: weights, KV cache, scratch, and each arena. */
  readonly memory: MemoryUse;
  /** The format that the layers' matrices have in memory. */
  readonly weights: LoadedModel["weights"];
  /** The format that the embedding table and the output layer have in memory. */
  readonly embedding: LoadedModel["embedding"];
  /** How the matrices see their inputs. */
  readonly activations: LoadedModel["activations"];
  /** How keys and values are cached. */
  readonly kv: LoadedModel["kv"];
  /** Which implementation of the kernels runs. */
  readonly kernels: LoadedModel["kernels"];
  /** LoRA adapters that were loaded, in the order of their sums. */
  readonly adapters: LoadedModel["adapters"];
  /** How many threads compute. */
  readonly threads: LoadedModel["threads"];
  /** What is not as it should be, and yet no error: for instance that only the reference kernels run here. Mostly empty. */
  readonly notices: readonly Notice[];
  /** The most tokens of a sequence. */
  readonly contextSize: number;
  /** Tokens that end an answer, each with the files that say so. */
  readonly stopTokens: readonly StopToken[];
  readonly #model: Model;
  readonly #adapters: Adapters;

  /** Made by {@link loadPhi}. */
  constructor({ model, loaded, stopTokens }: PhiParts) {
    this.#adapters = new Adapters(loaded.adapters.map(({ name }) => name));
    this.#model = { ...model, adapters: this.#adapters };
    this.config = loaded.config;
    this.parameters = loaded.parameters;
    this.memory = loaded.memory;
    this.weights = loaded.weights;
    this.embedding = loaded.embedding;
    this.activations = loaded.activations;
    this.kv = loaded.kv;
    this.kernels = loaded.kernels;
    this.adapters = loaded.adapters;
    this.threads = loaded.threads;
    this.notices = loaded.notices;
    this.contextSize = loaded.contextSize;
    this.stopTokens = stopTokens;
  }

  get #backend(): Backend {
    return this.#model.backend;
  }

  /** Text to ids and back. @throws TokenizerError (code "no_tokenizer") if the checkpoint came without one */
  get tokenizer(): Tokenizer {
    return needTokenizer(this.#model);
  }

  /**
   * From now on calls (`forward`, `sequence`, `generate`, `chat`) that do not say otherwise work with this adapter, with several at once, or, given
   * null, with none, as at first. Nothing is loaded or computed, and calls that are there go on as they began: a sequence and its forks keep
   * the adapters with which it was made. At scale 0 an adapter is not there at all: the bits are those without it.
   * @param choice a name, scales by name, or null
   * @param scale of the adapter that is named; what it adds is multiplied by it. Default 1
   * @throws OptionError for a name that no adapter has, or a scale that is no number
   * @example
   * phi.setAdapter("sql", 0.8);
   * phi.setAdapter({ sql: 1, terse: 0.5 });
   * phi.setAdapter(null);
   */
  setAdapter(choice: string, scale?: number): void;
  setAdapter(choice: AdapterChoice): void;
  setAdapter(choice: AdapterChoice, scale?: number): void {
    if (choice === undefined || (typeof choice !== "string" && scale !== undefined)) {
      const expected = "a name and a scale, scales by name, or null";
      throw new OptionError({ what: "setAdapter", got: choice, expected });
    }
    const scales = typeof choice === "string" && scale !== undefined ? { [choice]: scale } : choice;
    this.#adapters.current = this.#adapters.mix("setAdapter", scales);
  }

  /** The scales of the adapters that `setAdapter` has set, by name; none: {}. */
  get adapter(): Readonly<Record<string, number>> {
    return this.#adapters.describe(this.#adapters.current);
  }

  /**
   * Logits of T tokens on a sequence of their own: Float32Array [T·V] of all positions, or [V] of the last (default).
   * @throws OptionError, ContextError, MemoryError, DisposedError, or the signal's reason
   */
  async forward(ids: TokenIds, options: ForwardOptions & AdapterOption = {}): Promise<Float32Array> {
    this.#backend.check();
    const list = checkIds("forward", ids, this.config.vocabSize);
    const logits = checkForward(options, ["adapter"]);
    return this.#backend.forward(list, logits, options, this.#adapters.mix("forward", options.adapter));
  }

  /**
   * An empty sequence of one's own, to be disposed of by its user.
   * @throws OptionError for an unknown option or a bad value, DisposedError
   */
  async sequence(options: SequenceOptions = {}): Promise<Sequence> {
    this.#backend.check();
    checkOptions("sequence", options, ["rope", "adapter"]);
    const rope = checkRope("sequence", options.rope, this.config.longrope !== undefined);
    const adapters = this.#adapters.mix("sequence", options.adapter);
    return new Sequence(await this.#backend.sequence(rope, adapters));
  }

  /**
   * Continues a text, or ids: read it with `for await`, or as a whole with `result()`. The call itself only checks; the work begins
   * with the first reading.
   * @throws OptionError for an unknown option or a bad value, DisposedError, TokenizerError for a text without a tokenizer
   */
  generate(prompt: string | TokenIds, options: GenerateOptions = {}): Generation<GenerateResult> {
    return startGenerate(this.#model, prompt, options);
  }

  /**
   * Answers a conversation, written in the model's own chat format; a string is one message of the user. Otherwise as {@link generate}.
   * @throws ChatError for messages that are none, and what `generate` throws
   */
  chat(input: string | readonly ChatMessage[], options: ChatOptions = {}): Generation<ChatResult> {
    return startChat(this.#model, input, options);
  }

  /** Gives all memory back. Calls that are under way, and all later ones, reject with DisposedError; a second dispose does nothing. */
  async dispose(): Promise<void> {
    await this.#backend.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend.dispose();
  }
}
