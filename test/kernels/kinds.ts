import { checked } from "../../src/kernels/checked.ts";
import { chooseKernels } from "../../src/kernels/choose.ts";
import {
  createKernels,
  type KernelKind,
  type Kernels,
  type Operations,
  type WasmBuild,
} from "../../src/kernels/index.ts";
import { KNOWN_ANSWERS, wrongAnswers } from "../../src/kernels/known-answers.ts";
import { REST } from "../../src/kernels/rest.ts";
import { type DotForm, simdKernels } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { Arena, type DType, Tensor, type TypedArray } from "../../src/tensor/index.ts";
import { randomFloats } from "../random.ts";

/** Where all functions of the library's own WASM are from. */
export const EVERY = { rest: REST };

/** The known answers of all operations. */
export const ANSWERS = [...KNOWN_ANSWERS, ...REST.answers];

/** The WASM builds that this engine takes; relaxed SIMD is absent from some, which test/kernels/forms.test.ts says. */
export const BUILDS: readonly WasmBuild[] = (["relaxed", "strict"] as const).filter((build) => {
  try {
    return chooseKernels(build, EVERY).kind === build;
  } catch {
    return false;
  }
});

/** The implementations that every kernel suite runs over. */
export const KINDS: readonly KernelKind[] = ["reference", ...BUILDS];

/** A build with one form of the int8 dot product. */
export interface Form {
  name: string;
  build: WasmBuild;
  form: DotForm;
}

/** Every form of every build of this engine, also those that its known answers rule out. */
export const ALL_FORMS: readonly Form[] = BUILDS.flatMap((build) => {
  const forms: readonly DotForm[] = build === "strict" ? ["pairs"] : ["pairs", "narrow", "wide"];
  return forms.map((form) => ({ name: `${build}, ${form}`, build, form }));
});

/** The operations of a form on an arena. */
export const bound = ({ build, form }: Form, arena: Arena) =>
  simdKernels(instantiate(arena, build, moduleOf(build, EVERY)), form, REST);

/** Those that are right here. */
export const FORMS = ALL_FORMS.filter((form) => wrongAnswers(ANSWERS, (arena) => bound(form, arena)).length === 0);

const MIB = 2 ** 20;

/** The same with operands checked, in a fresh arena. */
export function benchForm(form: Form, megabytes = 4): { arena: Arena; kernels: Operations } {
  const arena = new Arena(megabytes * MIB, { name: `test ${form.name}` });
  return { arena, kernels: checked(arena, bound(form, arena), REST) };
}

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

/** A fresh arena of `megabytes` with kernels of `kind` bound to it: little ones where `onlyWrites` looks at every byte, time and again. */
export function bench(kind: KernelKind, megabytes = 4): { arena: Arena; kernels: Kernels } {
  const arena = new Arena(megabytes * MIB, { name: `test ${kind}` });
  return { arena, kernels: createKernels(arena, kind) };
}

/** A tensor in `arena` filled with `values`. */
export function place(arena: Arena, shape: readonly number[], values: ArrayLike<number>, dtype: DType = "f32"): Tensor {
  const t = Tensor.alloc(arena, dtype, shape);
  (t.data as TypedArray).set(values);
  return t;
}

/** A tensor of random float32, seeded. */
export function placeRandom(arena: Arena, seed: number, shape: readonly number[], scale = 1): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  return place(arena, shape, randomFloats(seed, size, scale));
}
