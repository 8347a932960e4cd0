import { createKernels, type KernelKind, type Kernels } from "../../src/kernels/index.ts";
import { Arena, type DType, Tensor, type TypedArray } from "../../src/tensor/index.ts";

/** The implementations that every kernel suite runs over. */
export const KINDS: readonly KernelKind[] = ["reference", "strict"];

/** Sizes at which vector loops, their tails and groups of 32 begin and end. */
export const SIZES: readonly number[] = [
  ...Array.from({ length: 17 }, (_, i) => i + 1),
  31,
  32,
  33,
  63,
  64,
  65,
  127,
  128,
  129,
];

/** A fresh arena of `megabytes` with kernels of `kind` bound to it. */
export function bench(kind: KernelKind, megabytes = 4): { arena: Arena; kernels: Kernels } {
  const arena = new Arena(megabytes << 20, { name: `test ${kind}` });
  return { arena, kernels: createKernels(arena, kind) };
}

/** A tensor in `arena` filled with `values`. */
export function place(arena: Arena, shape: readonly number[], values: ArrayLike<number>, dtype: DType = "f32"): Tensor {
  const t = Tensor.alloc(arena, dtype, shape);
  (t.data as TypedArray).set(values);
  return t;
}
