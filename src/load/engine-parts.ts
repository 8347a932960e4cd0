import type { Operations } from "../kernels/kernels.ts";
import type { OpenAdapters } from "./adapters/adapter-set.ts";
import type { FileFormat } from "./file-format.ts";

/** What an engine can be without: programs for which size counts leave out what they never load. */
export interface EngineParts {
  /** Formats of files beside safetensors of numbers and packed files. Default: none. */
  readonly formats?: readonly FileFormat[];
  /** The kernels in plain TypeScript, for engines without WASM SIMD. Default: there are none. */
  readonly reference?: Operations;
  /** What reads LoRA adapters. Default: nothing. */
  readonly lora?: { readonly open: OpenAdapters };
}
