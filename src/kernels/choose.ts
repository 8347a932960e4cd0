import { type Notice, PhiError } from "../errors.ts";
import { Arena } from "../tensor/arena.ts";
import type { KernelKind, WasmBuild } from "./kernels.ts";
import { KNOWN_ANSWERS, wrongAnswers } from "./known-answers.ts";
import { type DotForm, formsOf, simdKernels } from "./simd.ts";
import {
  instantiate,
  type KernelRest,
  moduleOf,
  variantOf,
  type WasmExports,
  type WasmModule,
  type WasmOrigin,
  type WasmVariant,
} from "./wasm-module.ts";

/** The builds that "auto" tries, the fastest first. */
const PREFERENCE: readonly WasmBuild[] = ["relaxed", "strict"];

/** Kernels that work here, and what a user should know of how they were chosen. */
export interface KernelChoice {
  readonly kind: KernelKind;
  readonly wasm: WasmOrigin;
  readonly notices: readonly Notice[];
}

/**
 * The kernels to run: `wanted`, or the first build that this engine takes and that answers rightly, and else the reference kernels, with
 * notices that say why.
 * @throws PhiError (codes "wasm", "wasm_wrong") where a build is asked for by name and is refused, or answers wrongly
 * @throws OptionError where modules were given, but not the one that is asked for
 */
export function chooseKernels(wanted: "auto" | KernelKind, wasm: WasmOrigin = {}): KernelChoice {
  if (wanted !== "auto") {
    if (wanted !== "reference") provenModule(wanted, wasm);
    return { kind: wanted, wasm, notices: [] };
  }
  const wrong: Notice[] = [];
  let refused: Notice[] = [];
  for (const kind of PREFERENCE) {
    if (wasm.modules !== undefined && wasm.modules[kind] === undefined) continue;
    try {
      provenModule(kind, wasm);
      // That an engine has not all instructions is no news where it has those of another build; that it computes wrongly is.
      return { kind, wasm, notices: wrong };
    } catch (error) {
      if (!(error instanceof PhiError)) throw error;
      const { code, message } = error;
      if (code === "wasm_wrong") wrong.push({ code, message });
      else refused = [{ code, message }];
    }
  }
  const message = "the reference kernels run: right, but slow, and with other bits than the WASM kernels";
  return { kind: "reference", wasm, notices: [...wrong, ...refused, { code: "reference_kernels", message }] };
}

/** A build's functions on one arena, the form of the int8 dot product to call them with, and the module they are of. */
export interface Bound {
  readonly module: WasmModule;
  readonly exports: WasmExports;
  readonly form: DotForm;
}

/** Binds a build to an arena. @throws PhiError (codes "wasm", "wasm_wrong"), OptionError */
export function bindBuild(arena: Arena, build: WasmBuild, wasm?: WasmOrigin): Bound {
  const variant = variantOf(build, arena.shared);
  const { module, form } = provenModule(variant, wasm);
  return { module, form, exports: instantiate(arena, variant, module) };
}

/** A module, the form of the int8 dot product to run it with, and the operations whose known answers it does not give. */
interface Answered {
  readonly module: WasmModule;
  readonly form: DotForm;
  readonly wrong: readonly string[];
  /** What of the rest it was asked for. */
  readonly rest?: KernelRest;
}

const answered = new WeakMap<WasmModule, Answered>();

/** The module of a variant, after it has given its known answers, which it is asked for once. @throws as {@link bindBuild} does */
export function provenModule(variant: WasmVariant, wasm: WasmOrigin = {}): Answered {
  const module = moduleOf(variant, wasm);
  const { rest } = wasm;
  let proven = answered.get(module);
  if (proven === undefined || (rest && !proven.rest)) {
    proven = ask(variant, module, rest);
    answered.set(module, proven);
  }
  const { wrong } = proven;
  if (wrong.length === 0) return proven;
  const which = `${wrong.slice(0, 3).join(", ")}${wrong.length > 3 ? ` and ${wrong.length - 3} more` : ""}`;
  throw new PhiError(
    "wasm_wrong",
    `the WASM kernels compute wrongly in this engine and are not used (build "${variant}": ${which})`,
  );
}

/** The first form with which the module gives its known answers, or what is wrong with the last. */
function ask(variant: WasmVariant, module: WasmModule, rest?: KernelRest): Answered {
  let asked: Answered | undefined;
  const answers = [...KNOWN_ANSWERS, ...(rest?.answers ?? [])];
  const shared = variant.endsWith("-shared");
  const bind = (form: DotForm) => (arena: Arena) => simdKernels(instantiate(arena, variant, module), form, rest);
  const exports = instantiate(new Arena(0, { name: "forms", shared }), variant, module);
  for (const form of formsOf(variant, exports)) {
    asked = { module, form, wrong: wrongAnswers(answers, bind(form), shared), rest };
    if (asked.wrong.length === 0) return asked;
  }
  return asked as Answered;
}
