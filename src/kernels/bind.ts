import { PhiError } from "../errors.ts";
import type { Arena } from "../tensor/arena.ts";
import { checked } from "./checked.ts";
import { bindBuild } from "./choose.ts";
import type { Crew } from "./crew.ts";
import type { KernelKind, Kernels, Operations } from "./kernels.ts";
import { simdKernels } from "./simd.ts";
import type { WasmOrigin } from "./wasm-module.ts";

/** Which kernels, and where they come from. */
export interface KernelOrigin {
  readonly kind: KernelKind;
  readonly wasm?: WasmOrigin;
  /** The operations in plain TypeScript, for kind "reference": who never asks for them need not carry them. */
  readonly reference?: Operations;
}

/** Those who share the work of an arena's kernels, and where helpers have their scratch. */
export interface Sharing {
  readonly crew: Crew;
  readonly helperScratch: readonly number[];
}

/**
 * The kernels bound to `arena`.
 * @param sharing for a shared arena in which several threads work
 * @throws PhiError if the engine refuses the compiled ones (code "wasm"), or computes wrongly with them ("wasm_wrong")
 */
export function bindKernels(arena: Arena, origin: KernelOrigin, sharing?: Sharing): Kernels {
  return { kind: origin.kind, arena, ...checked(arena, operations(arena, origin, sharing), origin.wasm?.rest) };
}

function operations(arena: Arena, { kind, wasm, reference }: KernelOrigin, sharing?: Sharing): Operations {
  if (kind === "reference") {
    if (reference) return reference;
    throw new PhiError("wasm", "the reference kernels are not part of this program");
  }
  const { module, exports, form } = bindBuild(arena, kind, wasm);
  const alone = simdKernels(exports, form, wasm?.rest);
  if (!sharing) return alone;
  return sharing.crew.operations({ arena, module, exports, helperScratch: sharing.helperScratch }, alone, form);
}
