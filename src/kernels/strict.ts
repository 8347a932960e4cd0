import type { Arena } from "../tensor/arena.ts";
import type { Operations } from "./kernels.ts";
import { instantiate } from "./wasm-module.ts";

/** The strict-SIMD kernels bound to one arena: tensors become pointers and sizes. Operands are checked before (checked.ts). */
export function strictKernels(arena: Arena): Partial<Operations> {
  const wasm = instantiate(arena);
  return {
    add(out, a, b) {
      wasm.add(out.ptr, a.ptr, b.ptr, out.size);
    },
  };
}
