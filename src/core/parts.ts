import type { KernelRest } from "../kernels/wasm-module.ts";
import type { OpenAdapters } from "../load/adapters/adapter-set.ts";
import type { EngineParts } from "../load/engine-parts.ts";
import type { Source } from "../source/source.ts";
import type { Assemble } from "../threads/index.ts";
import type { renderChat, stopTokensOf } from "../tokenizer/index.ts";
import type { tokenizerIn } from "../tokenizer/load.ts";
import type { Loading } from "../worker/index.ts";
import type { withAdapters } from "./adapter-sources.ts";

/** Text in and out: the tokenizer of a checkpoint's folder, and chat formats. */
export interface TextPart {
  readonly tokenizerIn: typeof tokenizerIn;
  readonly renderChat: typeof renderChat;
  readonly stopTokensOf: typeof stopTokensOf;
}

/** LoRA adapters: where their files come from, and what reads them. */
export interface LoraPart {
  readonly open: OpenAdapters;
  readonly kernels: KernelRest;
  readonly sources: typeof withAdapters;
}

/** Where a model can run: in a worker, which starts with the loading. */
export interface Elsewhere {
  readonly load: (folder: Source, signal: AbortSignal | undefined) => Loading;
}

/** What {@link loadWith} is given, of which programs for which size counts leave out what they never use. */
export interface Parts extends EngineParts {
  /** Without it there are no adapters. */
  readonly lora?: LoraPart;
  /** Without it ids go in and out. */
  readonly text?: TextPart;
  /** Without it one thread computes. */
  readonly helpers?: Assemble;
  /** Where the model runs, if not in this thread. */
  readonly elsewhere?: Elsewhere;
}
