import { OptionError, PhiError } from "../errors.ts";
import { type Inlined, inlinedBytes } from "../inline/inlined.ts";
import type { Arena } from "../tensor/arena.ts";
import { relaxed } from "./generated/relaxed.ts";
import type { RestOperations, WasmBuild } from "./kernels.ts";
import type { KnownAnswer } from "./known-calls.ts";

/** The functions that the WASM module exports: numbers in, at most one number out; pointers are byte offsets in the arena. */
export type WasmExports = Record<string, (...args: number[]) => number>;

/** A `WebAssembly.Module`: not every project's types have the name. */
export type WasmModule = object;

/** A build for memory of one thread, or for memory that threads share. */
export type WasmVariant = WasmBuild | `${WasmBuild}-shared`;

/** Modules that the user has compiled, or the platform has, from the files `phi-ts/wasm/<variant>.wasm`. */
export type WasmModules = Partial<Record<WasmVariant, WasmModule>>;

/** Where bytes begin and end in the module. */
type Places = readonly (readonly number[])[];

/** Functions that the decoder of phi3 does without, which the library's own bytes have as zeros: `REST` of rest.ts, for programs that need some. */
export interface KernelRest {
  /** Their bytes, packed to come after the core's, and for each its places; `strict`: those of them that this build has as zeros. */
  readonly code: Inlined & { readonly after: Inlined; readonly places: Places; readonly strict: Places };
  /** What they must answer. */
  readonly answers: readonly KnownAnswer[];
  /** The operations that they are. */
  bind(wasm: WasmExports): RestOperations;
  checked(arena: Arena, ops: RestOperations): RestOperations;
}

/** Where the functions come from. */
export interface WasmOrigin {
  /** Modules that were given, which have all; undefined: the library's own bytes. */
  readonly modules?: WasmModules;
  /** Undefined: nobody will call what is in it. */
  readonly rest?: KernelRest;
}

const BUILDS: readonly WasmBuild[] = ["relaxed", "strict"];
const VARIANTS: readonly WasmVariant[] = BUILDS.flatMap((build): WasmVariant[] => [build, `${build}-shared`]);

/** A build, for unshared memory or for shared. */
export const variantOf = (build: WasmBuild, shared: boolean): WasmVariant => (shared ? `${build}-shared` : build);

/** Stands in the module too, in a custom section "phi-ts", so that a file of another version is known for what it is. */
const idOf = (variant: WasmVariant): string => `${variant} ${relaxed.hash}`;

/** What a memory's import says of it: it has a maximum (1), and is shared (2). Source: WebAssembly's threads proposal, "limits". */
const SHARED = 3;

/** Kept, since a program with threads needs two variants, and unpacking takes some milliseconds. */
const unpacked = new Map<KernelRest | undefined, Uint8Array<ArrayBuffer>[]>();

/** The core's bytes, and those of the rest. */
function bytesOf(rest?: KernelRest): Uint8Array<ArrayBuffer>[] {
  const bytes = unpacked.get(rest) ?? inlinedBytes(rest ? [rest.code.after, rest.code] : [relaxed]);
  unpacked.set(rest, bytes);
  return bytes;
}

/**
 * The code of a variant: with `rest` as in `phi-ts/wasm/<variant>.wasm`. All are made of one: strict has zeros where functions need relaxed SIMD, and
 * one byte says whether the memory is shared. scripts/build-wasm.mjs says more, and makes the files so.
 */
export function moduleBytes(variant: WasmVariant, rest?: KernelRest): Uint8Array<ArrayBuffer> {
  const [core, others] = bytesOf(rest);
  const code = core.slice();
  if (rest) {
    let at = 0;
    for (const [from, to] of rest.code.places) {
      code.set(others.subarray(at, at + to - from), from);
      at += to - from;
    }
  }
  const blank = [...relaxed.strict, ...(rest?.code.strict ?? [])];
  if (variant.startsWith("strict")) for (const [from, to] of blank) code.fill(0, from, to);
  if (variant.endsWith("-shared")) code[relaxed.sharedFlag] = SHARED;
  const content = new TextEncoder().encode(`\x06phi-ts${idOf(variant)}`);
  const bytes = new Uint8Array(code.length + 2 + content.length);
  bytes.set(code);
  bytes.set([0, content.length, ...content], code.length);
  return bytes;
}

const compiled = new Map<string, WebAssembly.Module>();

/**
 * The module of a build's variant: the given one, and else its own bytes, compiled at first use and once per process.
 * @throws OptionError if modules were given, but not this one
 * @throws PhiError (code "wasm") where the engine refuses WebAssembly, SIMD, or to compile bytes
 */
export function moduleOf(variant: WasmVariant, { modules, rest }: WasmOrigin = {}): WasmModule {
  if (modules !== undefined) {
    const module = modules[variant];
    if (module !== undefined) return module;
    throw new OptionError({
      what: `kernels "${variant}": not among the modules of option "wasm"`,
      got: Object.keys(modules),
      expected: variant,
    });
  }
  const key = `${variant}${rest ? "" : " without the rest"}`;
  let module = compiled.get(key);
  if (module !== undefined) return module;
  try {
    module = new WebAssembly.Module(moduleBytes(variant, rest));
  } catch (cause) {
    throw refused(variant, cause);
  }
  compiled.set(key, module);
  return module;
}

/** An instance of a variant's module that works in `arena`. @throws PhiError (code "wasm") where the engine refuses it */
export function instantiate(arena: Arena, variant: WasmVariant, module: WasmModule): WasmExports {
  if (!arena.memory)
    throw new PhiError("wasm", `${arena.name} is no WebAssembly memory: only reference kernels work in it`);
  try {
    return new WebAssembly.Instance(module, { env: { memory: arena.memory as WebAssembly.Memory } })
      .exports as WasmExports;
  } catch (cause) {
    throw refused(variant, cause);
  }
}

function refused(variant: WasmVariant, cause: unknown): PhiError {
  if (typeof WebAssembly !== "object")
    return new PhiError("wasm", 'this engine has no WebAssembly; { kernels: "reference" } works without', { cause });
  const message =
    `this engine refuses the WASM kernels (build "${variant}": ${String(cause).slice(0, 200)}). ` +
    `Where it may not compile bytes (workerd), import phi-ts/wasm/${variant}.wasm as a module and give it as option "wasm"; ` +
    `a Content-Security-Policy needs 'wasm-unsafe-eval'; { kernels: "reference" } works without WebAssembly`;
  return new PhiError("wasm", message, { cause });
}

/**
 * Option `wasm`: one module, whose variant is read from it, or several by their names.
 * @throws OptionError for what is no module of this very version of phi-ts, or stands under another build's name
 */
export function checkWasm(where: string, value: unknown): WasmModules | undefined {
  if (value === undefined) return undefined;
  if (isModule(value)) return { [variantIn(where, value)]: value };
  const entries: [string, unknown][] = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const given = entries.filter((entry): entry is [string, WebAssembly.Module] => isModule(entry[1]));
  const absent = entries.filter(([, module]) => module === undefined);
  if (
    given.length === 0 ||
    given.length + absent.length < entries.length ||
    entries.some(([name]) => !(VARIANTS as string[]).includes(name))
  ) {
    const got = entries.length > 0 ? entries.map(([name]) => name) : value;
    const expected = `a WebAssembly.Module, or an object of them by name: ${VARIANTS.join(", ")}`;
    throw new OptionError({ what: `${where}: option "wasm"`, got, expected });
  }
  for (const [name, module] of given) {
    const variant = variantIn(where, module);
    if (variant !== name) throw new OptionError({ what: `${where}: option "wasm"`, got: variant, expected: name });
  }
  return Object.fromEntries(given);
}

/** Not by `instanceof`: a module may come from another realm. */
const isModule = (value: unknown): value is WebAssembly.Module =>
  Object.prototype.toString.call(value) === "[object WebAssembly.Module]";

function variantIn(where: string, module: WebAssembly.Module): WasmVariant {
  const [section] = WebAssembly.Module.customSections(module, "phi-ts");
  const id = section && new TextDecoder().decode(section);
  const variant = VARIANTS.find((name) => idOf(name) === id);
  if (variant !== undefined) return variant;
  throw new OptionError({
    what: `${where}: option "wasm": not a module of this version of phi-ts`,
    got: id ?? "a module without a section phi-ts",
    expected: `one of phi-ts/wasm/*.wasm: ${VARIANTS.map(idOf).join(", ")}`,
  });
}
