import { OptionError } from "../errors.ts";
import type { Arena } from "../tensor/arena.ts";
import { checked } from "./checked.ts";
import type { KernelKind, Kernels, Operations } from "./kernels.ts";
import * as reference from "./reference/index.ts";
import { simdKernels } from "./simd.ts";

/**
 * The kernels of one kind, bound to `arena`.
 * @throws OptionError for an unknown kind
 * @throws PhiError (code "wasm") if the engine refuses the compiled ones
 */
export function createKernels(arena: Arena, kind: KernelKind = "strict"): Kernels {
  if (kind !== "reference" && kind !== "strict") {
    throw new OptionError({ what: "createKernels: kind", got: kind, expected: "reference or strict" });
  }
  const ops = (kind === "reference" ? reference : simdKernels(arena, kind)) as Partial<Operations> as Operations;
  return { kind, arena, ...checked(arena, ops) };
}
