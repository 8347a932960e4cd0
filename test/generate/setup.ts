import { Pacer } from "../../src/event-loop.ts";
import { Adapters } from "../../src/generate/adapters.ts";
import type { Backend } from "../../src/generate/backend.ts";
import { Engine, type RopeChoice } from "../../src/generate/engine.ts";
import { Generation } from "../../src/generate/generation.ts";
import { localBackend, rowHandle } from "../../src/generate/local.ts";
import { checkGenerate, type GenerateOptions } from "../../src/generate/options.ts";
import type { Piece } from "../../src/generate/result.ts";
import { Row } from "../../src/generate/row.ts";
import { type Model, run } from "../../src/generate/run.ts";
import { Sequence } from "../../src/generate/sequence.ts";
import type { AdapterMix } from "../../src/model/adapters.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { workerBackend } from "../../src/worker/client.ts";
import { connected } from "../worker/pair.ts";
import { expectedLogits, HashDecoder, type HashDecoderOptions } from "./hash-decoder.ts";

/** The engine in the caller's thread, or behind the messages of a worker: what the suites claim holds for both. */
export const MODES = [
  { where: "in-thread", offThread: false },
  { where: "off-thread", offThread: true },
] as const;

export const V = 17;
/** The id of the test tokenizer's end token. */
export const END = 16;

const bytes = (text: string) => new TextEncoder().encode(text);
/** Tokens of one letter, of several, of parts of characters, and one special token. */
const TOKENS: Uint8Array[] = [
  ...["a", "b", "ab", "c", " ", "d", "e", "f", "g", "h"].map(bytes),
  bytes("é").slice(0, 1),
  bytes("é").slice(1),
  bytes("😀").slice(0, 3),
  bytes("😀").slice(3),
  bytes("é"),
];

/** A tokenizer of 15 tokens and one special; id 15 is in no vocabulary (models pad theirs). */
export function testTokenizer(): Tokenizer {
  const stream: Tokenizer["stream"] = (options) => {
    const decoder = new TextDecoder();
    return {
      push(id) {
        if (id === END) return options?.skipSpecialTokens ? "" : "<end>";
        if (!TOKENS[id]) throw new Error(`no token ${id}`);
        return decoder.decode(TOKENS[id], { stream: true });
      },
      end: () => decoder.decode(),
    };
  };
  return {
    vocabSize: END + 1,
    encode: (text) => [...bytes(text)].map((b) => TOKENS.findIndex((t) => t.length === 1 && t[0] === b)),
    encodeSegments: () => [],
    decode(ids, options) {
      const one = stream(options);
      return Array.from(ids, (id) => one.push(id)).join("") + one.end();
    },
    stream,
    idOf: () => undefined,
    tokenOf: (id) => (TOKENS[id] || id === END ? `token ${id}` : undefined),
    addedTokens: [],
  };
}

export interface Setup extends Partial<HashDecoderOptions> {
  contextSize?: number;
  /** Tokens of every answer, whatever the prompt. */
  answer?: number[];
  tokenizer?: boolean;
  /** Give the event loop its turn before every step, as a slow model does; false: at the first only. Default: by the clock. */
  turns?: boolean;
  /** The answer is a text of its own (default), or continues the prompt's. */
  ownText?: boolean;
  /** The engine is reached by the messages of a worker, as `worker: true` does it, though both ends are in this thread. */
  offThread?: boolean;
}

export function setup(options: Setup = {}) {
  const {
    blocks = 16,
    contextSize = 256,
    answer,
    tokenizer = true,
    turns,
    ownText = true,
    offThread,
    ...rest
  } = options;
  const decoder = new HashDecoder({ blocks, ...rest });
  let time = 0;
  const steady = new Pacer(() => (time += turns ? 1000 : 1e-6));
  const engine = new Engine(decoder, contextSize, turns === undefined ? undefined : steady);
  const local = localBackend(engine);
  const connection = offThread ? connected(local) : undefined;
  const backend = connection ? workerBackend(connection, local) : local;
  const model: Model = { backend, tokenizer: tokenizer ? testTokenizer() : undefined, stopIds: [END], loadMs: 3 };
  const generate = (prompt: readonly number[], given: GenerateOptions = {}) => {
    if (answer) decoder.script = (position) => answer[position - prompt.length + 1];
    const hasLongRope = decoder.config.longrope !== undefined;
    const options = checkGenerate("generate", given, V, hasLongRope, [], ADAPTERS);
    const job = { prompt, options, ownText };
    return new Generation((ending) => run(model, job, ending));
  };
  /** Nothing is held by anybody once cached prefixes are forgotten. */
  const leaks = () => {
    engine.room.prefixes.clear();
    return decoder.pool.blocks - decoder.pool.freeBlocks + engine.room.holders.size;
  };
  return { decoder, engine, model, generate, leaks, open: (mix?: AdapterMix) => open(backend, mix), connection };
}

/** Two adapters, which change what the hash decoder computes. */
export const ADAPTERS = new Adapters(["a", "b"]);

/** A sequence as users have them. */
async function open(backend: Backend, mix?: AdapterMix): Promise<Sequence> {
  return new Sequence(await backend.sequence("auto", mix));
}

export function promptOf(n: number, seed = 1): number[] {
  return Array.from({ length: n }, (_, i) => ((i + seed) * 7 + (i >> 2) * seed) % V);
}

/** The greedy answer that recomputing everything for every token gives. */
export function naiveAnswer(prompt: readonly number[], n: number, switchAt = Infinity, adapters = ""): number[] {
  const all = [...prompt];
  while (all.length < prompt.length + n) {
    const logits = expectedLogits(all, all.length > switchAt ? "long" : "short", V, adapters).slice(-V);
    all.push(logits.indexOf(Math.max(...logits)));
  }
  return all.slice(prompt.length);
}

export async function collect(generation: AsyncIterable<Piece>): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of generation) pieces.push(piece);
  return pieces;
}

export const textOf = (pieces: readonly Piece[]) => pieces.map((p) => p.text).join("");
export const idsOf = (pieces: readonly Piece[]) => pieces.flatMap((p) => p.ids);

/** A sequence as users have them. */
export function sequenceOn(engine: Engine, rope: RopeChoice = "auto"): Sequence {
  return new Sequence(rowHandle(new Row(engine, "sequence", rope)));
}

/** Sequences on one engine, as users have them. */
export function sequences(options: Pick<Setup, "blocks" | "contextSize" | "maxChunk" | "switchAt" | "turns"> = {}) {
  const { engine, decoder, leaks } = setup({ contextSize: 512, ...options });
  return { decoder, engine, leaks, open: () => sequenceOn(engine) };
}
