import { OptionError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { Arena } from "../tensor/arena.ts";
import { bindKernels } from "./bind.ts";
import type { KernelKind, Kernels } from "./kernels.ts";
import * as reference from "./reference/index.ts";
import { REST } from "./rest.ts";
import { checkWasm, type WasmModule, type WasmModules } from "./wasm-module.ts";

/** Options of {@link createKernels}. */
export interface KernelOptions {
  /** A `WebAssembly.Module` of `phi-ts/wasm`, or several by the names of their builds; default: the library compiles its own bytes. */
  wasm?: WasmModule | WasmModules;
}

/**
 * The kernels of one kind, bound to `arena`.
 * @throws OptionError for an unknown kind or option, and for a module that is not of this version of phi-ts
 * @throws PhiError if the engine refuses the compiled ones (code "wasm"), or computes wrongly with them ("wasm_wrong")
 */
export function createKernels(arena: Arena, kind: KernelKind = "strict", options: KernelOptions = {}): Kernels {
  checkOptions("createKernels", options, ["wasm"]);
  if (kind !== "reference" && kind !== "relaxed" && kind !== "strict") {
    throw new OptionError({ what: "createKernels: kind", got: kind, expected: "reference, relaxed or strict" });
  }
  const wasm = { modules: checkWasm("createKernels", options.wasm), rest: REST };
  return bindKernels(arena, { kind, wasm, reference });
}
