import type { KernelKind, KVFormat } from "../kernels/kernels.ts";
import type { WasmModule, WasmModules } from "../kernels/wasm-module.ts";
import type { Activations } from "../model/scratch.ts";
import type { PackFormat } from "../quant/packed-matrix.ts";
import type { LoadProgress } from "./progress.ts";

/** Options of {@link loadPhi}. */
export interface LoadOptions {
  /** Kernel format of the layers' matrices. `auto`: as a packed or GGUF file has them; bf16, f16 and f32 become q4. Default "auto". */
  weights?: "auto" | PackFormat;
  /**
   * Format of the two tables that have a row for each token, the embedding and the output layer, whether they are one (tied) or two: each
   * side causes about a quarter of what 4 bits lose (docs/quality.md). "q8" costs 4 bits more for each of their weights. `auto`: as
   * `weights`. Default "auto".
   */
  embedding?: "auto" | "q4" | "q8";
  /** How quantized matrices see their inputs; f32 weights always take f32. Default "int8". */
  activations?: Activations;
  /** How keys and values are cached; int8 takes a quarter of the memory. `auto`: int8 with int8 activations, f32 with f32. Default "auto". */
  kv?: "auto" | KVFormat;
  /** Default "auto": the fastest that this engine runs; `phi.notices` tells if only the reference kernels do. */
  kernels?: "auto" | KernelKind;
  /**
   * A `WebAssembly.Module` of the kernels to use instead of the library's own bytes: `phi-ts/wasm/strict.wasm` imported as a module, where an
   * engine compiles no bytes (workerd); or several by the names of their files (several threads need "strict" and "strict-shared").
   */
  wasm?: WasmModule | WasmModules;
  /**
   * Threads that work for the model, this one among them. "auto" (default): as many as are sensible on this machine; one for a small model, and
   * where memory cannot be shared (a page without cross-origin isolation, or its own thread: use `worker: true`). Bits do not depend on it.
   */
  threads?: "auto" | number;
  /** Greatest length of a sequence in tokens. Default: the model's, at most 4096. */
  contextSize?: number;
  /** Tokens that the KV cache holds for all sequences together. Default: contextSize. */
  kvTokens?: number;
  /**
   * LongRoPE models: "auto" takes the factors by the length of a sequence, as the reference does, and computes it again when it crosses the
   * switch; "long" takes the long ones at any length, so that nothing is ever computed again, at other answers below the switch. Default "auto".
   */
  rope?: "auto" | "long";
  /** Called as bytes come: at least after each file of the tokenizer and each block of weights. What it throws ends the loading. */
  onProgress?: (progress: LoadProgress) => void;
  /** Loading rejects with its reason at once, requests are cancelled, and nothing stays in memory. */
  signal?: AbortSignal;
}
