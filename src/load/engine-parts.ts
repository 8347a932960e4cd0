import type { Operations } from "../kernels/kernels.ts";
import type { KernelRest } from "../kernels/wasm-module.ts";
import type { Architecture } from "../model/architecture.ts";
import type { OpenAdapters } from "./adapters/adapter-set.ts";
import type { FileFormat } from "./file-format.ts";

/** What an engine can be without: programs for which size counts leave out what they never load. */
export interface EngineParts {
  /** Formats of files beside safetensors of numbers and packed files. Default: none. */
  readonly formats?: readonly FileFormat[];
  /** Architectures beside phi3 and those that share its decoder. Default: none. */
  readonly architectures?: readonly Architecture[];
  /** The kernels in plain TypeScript, for engines without WASM SIMD. Default: there are none. */
  readonly reference?: Operations;
  /** What reads LoRA adapters. Default: nothing. */
  readonly lora?: { readonly open: OpenAdapters; readonly kernels: KernelRest };
}

/** The kernels beside those of the decoder of phi3, where a part needs some. */
export const restOf = ({ formats = [], architectures = [], lora }: EngineParts): KernelRest | undefined =>
  [...formats, ...architectures, lora].find((part) => part?.kernels)?.kernels;
