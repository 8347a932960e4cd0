import { groupsOf, packedBytes } from "../quant/packed-matrix.ts";
import { type Arena, KERNEL_RESERVE } from "../tensor/arena.ts";
import type { Operations } from "./kernels.ts";
import { instantiate } from "./wasm-module.ts";

/** Where a call may put what lives no longer than itself: the upper half of what an arena reserves for kernels. */
const SCRATCH = KERNEL_RESERVE / 2;

/** The strict-SIMD kernels bound to one arena: tensors become pointers and sizes. Operands are checked before (checked.ts). */
export function strictKernels(arena: Arena): Partial<Operations> {
  const wasm = instantiate(arena);
  return {
    add(out, a, b) {
      wasm.add(out.ptr, a.ptr, b.ptr, out.size);
    },
    packRows({ format, cols, ptr }, row, src) {
      const rows = src.shape[0];
      const dtype = ["f32", "f16", "bf16"].indexOf(src.dtype);
      const at = ptr + packedBytes(format, row, cols);
      if (format === "f32") wasm.packF32(at, src.ptr, rows * cols, dtype, SCRATCH);
      else wasm[format === "q4" ? "packQ4" : "packQ8"](at, src.ptr, rows, cols, dtype, SCRATCH);
    },
    repackRows({ format, cols, ptr }, row, src) {
      const at = ptr + packedBytes(format, row, cols);
      wasm[format === "q4" ? "repackQ4" : "repackQ8"](at, src.ptr, src.shape[0], groupsOf(cols));
    },
  };
}
