import type { Reprefill } from "./row.ts";

/** New text of an answer, and the ids that made it. The pieces' texts and ids, one after the other, are those of the result. */
export interface Piece {
  /** Never half a character, and nothing that a stop string may still swallow. */
  text: string;
  /** The tokens that were chosen since the piece before. */
  ids: number[];
}

/** A whole answer, what it took, and why it ended. */
export interface GenerateResult {
  /** The answer, without the stop token or the stop string. */
  text: string;
  /** Every token that the model chose: the stop token, if one ended the answer, is the last of them (as in Hugging Face's generate). */
  ids: number[];
  /** "stop": a stop token or a stop string, or the reader left early; "length": maxTokens or the end of the context. */
  finishReason: "stop" | "length";
  usage: Usage;
  timings: Timings;
  /** The seed that was used; the same call with this seed gives the same answer. */
  seed: number;
  /** Where the sequence crossed LongRoPE's switch and was computed again. */
  reprefills: Reprefill[];
}

/** What an answer took, in tokens, bytes and milliseconds. */
export interface Usage {
  /** Tokens of the prompt, with what the chat format adds. */
  promptTokens: number;
  /** Tokens chosen, the stop token included. */
  completionTokens: number;
  /** Tokens of the prompt that an earlier call had computed. */
  cachedTokens: number;
  /** Decoder steps times the bytes of weights that a step of one token reads, those of adapters left out; with experts, a chunk of the prompt goes through more of them than its tokens one by one. */
  weightBytesRead: number;
  /** CPU time of the whole process during the call (other work of the process included); absent where the engine does not tell. */
  cpuMs?: number;
}

/** Milliseconds. Time that the reader takes between pieces is not counted; time in the queue behind other calls is. */
export interface Timings {
  /** Loading the model, once. */
  loadMs: number;
  /** From the beginning to the logits of the last token of the prompt. */
  prefillMs: number;
  /** From there to the end. */
  decodeMs: number;
}
