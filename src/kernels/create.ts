import { OptionError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { Arena } from "../tensor/arena.ts";
import { checked } from "./checked.ts";
import { bindBuild } from "./choose.ts";
import type { Crew } from "./crew.ts";
import type { KernelKind, Kernels, Operations } from "./kernels.ts";
import * as reference from "./reference/index.ts";
import { sharedKernels } from "./shared.ts";
import { simdKernels } from "./simd.ts";
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
  const wasm = checkWasm("createKernels", options.wasm);
  return bindKernels(arena, kind, wasm);
}

/** Those who share the work of an arena's kernels, and where helpers have their scratch. */
export interface Sharing {
  readonly crew: Crew;
  readonly helperScratch: readonly number[];
}

/** The same without looking at options; `sharing` for a shared arena in which several threads work. */
export function bindKernels(arena: Arena, kind: KernelKind, wasm?: WasmModules, sharing?: Sharing): Kernels {
  return { kind, arena, ...checked(arena, operations(arena, kind, wasm, sharing)) };
}

function operations(arena: Arena, kind: KernelKind, wasm?: WasmModules, sharing?: Sharing): Operations {
  if (kind === "reference") return reference;
  const { module, exports, form } = bindBuild(arena, kind, wasm);
  if (!sharing) return simdKernels(exports, form);
  return sharedKernels({ arena, module, exports, helperScratch: sharing.helperScratch }, form, sharing.crew);
}
