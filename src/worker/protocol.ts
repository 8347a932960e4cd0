import type { Account, LogitsWanted, Token, TokenJob } from "../generate/backend.ts";
import type { RopeChoice } from "../generate/engine.ts";
import type { Progress, Reprefill } from "../generate/row.ts";
import type { AdapterInput } from "../load/adapters/adapter-set.ts";
import type { LoadedModel } from "../load/load.ts";
import type { LoadOptions } from "../load/options.ts";
import type { Inspected } from "../load/plan-model.ts";
import type { AdapterMix } from "../model/adapters.ts";
import type { HelperSetup } from "../threads/index.ts";
import type { WireError } from "./wire-error.ts";

/** Both ends must speak the same: a worker file that a user has bundled may be older than the page. Counted up with every change below. */
export const PROTOCOL = 3;

/** A call that the other side answers, once, with a value or an error; before that it may report events. */
interface Call<Body, Answer, Event = never> {
  body: Body;
  answer: Answer;
  event: Event;
}

/** What the caller asks of the worker. Numbers of sequences and streams are the caller's to give. */
export interface WorkerCalls {
  /** The first of all. The worker is asked to hold a lock by which the caller learns of its end. */
  hello: Call<{ lock?: string }, { protocol: number; holdsLock: boolean }>;
  /** Reads config and headers. `lists`: the source can list its files. */
  inspect: Call<{ options: EngineOptions; lists: boolean }, InspectedFacts>;
  /** Takes the memory and reads the weights into it; tells of each block. */
  fill: Call<undefined, LoadedFacts, FillEvent>;
  /** Of a sequence, or of a row of its own, with the adapters that are given. Logits are transferred. `events`: somebody listens to them. */
  forward: Call<
    { sequence?: number; ids: number[]; logits: LogitsWanted; events: boolean; adapters?: AdapterMix },
    Float32Array,
    ForwardEvent
  >;
  /** A generation: `credit` tokens may be made before more are granted. It answers when it has ended. `prefill`: somebody listens to that. */
  tokens: Call<{ stream: number; job: TokenJob; credit: number; prefill: boolean }, Account, TokenEvent>;
  sequence: Call<{ sequence: number; rope: RopeChoice; adapters?: AdapterMix }, undefined>;
  truncate: Call<{ sequence: number; length: number }, undefined>;
  fork: Call<{ sequence: number; fork: number }, undefined>;
  release: Call<{ sequence: number }, undefined>;
}

/** What the caller tells the worker. */
export interface WorkerNotes {
  credit: { stream: number; tokens: number };
  /** The reader stays away: others may have the stream's room until it is granted more. */
  pause: { stream: number };
}

/** What the worker asks of the caller: the files of the source, and helper threads. */
export interface CallerCalls {
  list: Call<undefined, string[]>;
  open: Call<{ name: string }, { file: number; size: number }>;
  /** Starts a helper for each setup; answers when they are at work. If one is lost later, the connection ends. */
  helpers: Call<readonly HelperSetup[], undefined>;
  /** Bytes into shared memory. */
  readInto: Call<{ file: number; offset: number; into: Uint8Array }, undefined>;
  /** `length` bytes, transferred. `spare` is memory of an earlier answer, given back to be used again. */
  read: Call<{ file: number; offset: number; length: number; spare?: ArrayBuffer }, Uint8Array>;
}

/** What the worker tells the caller. */
export interface CallerNotes {
  /** Ends the helpers, who are within nothing. */
  dismiss: undefined;
  close: { file: number };
}

export type EngineOptions = Omit<LoadOptions, "onProgress" | "signal"> & { adapters?: readonly AdapterInput[] };

export type InspectedFacts = Pick<Inspected, "config" | "generationConfig" | "sourceBytes">;

/** A block of a tensor is in its place; before the first of them: the weights begin. */
export type FillEvent = { begin: true } | { file: string; tensor: string; bytes: number };

/** All of a loaded model but the decoder, which stays where it is. */
export type LoadedFacts = Omit<LoadedModel, "decoder">;

export type ForwardEvent = { progress: Progress } | { reprefill: Reprefill };

/** `account` is as of this token. */
export type TokenEvent = { prefill: Progress } | { token: Token; account: Account };

/** What travels, in both directions. `id` numbers the calls of the side that asks. */
export type Message =
  | { kind: "ask"; id: number; type: string; body: unknown }
  | { kind: "event"; id: number; event: unknown }
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "error"; id: number; error: WireError }
  /** The one who asked has no use for the answer any more; it comes all the same, mostly as an error. */
  | { kind: "abort"; id: number }
  | { kind: "note"; type: string; body: unknown };
