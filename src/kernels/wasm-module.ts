import { OptionError, PhiError } from "../errors.ts";
import { type Inlined, inlinedBytes } from "../inline/inlined.ts";
import type { Arena } from "../tensor/arena.ts";
import { relaxed } from "./generated/relaxed.ts";
import { strict } from "./generated/strict.ts";
import type { WasmBuild } from "./kernels.ts";

/** The functions that the WASM module exports: numbers in, at most one number out; pointers are byte offsets in the arena. */
export type WasmExports = Record<string, (...args: number[]) => number>;

/** A `WebAssembly.Module`: not every project's types have the name. */
export type WasmModule = object;

/** Modules that the user has compiled, or the platform has, from the files `phi-ts/wasm/<build>.wasm`. */
export type WasmModules = Partial<Record<WasmBuild, WasmModule>>;

/**
 * All builds come from the same sources, src/kernels/wasm; scripts/build-wasm.mjs says how they differ. `id` stands in the module too, in a
 * custom section "phi-ts", so that a file of another version is known for what it is.
 */
const INLINED: Readonly<Record<WasmBuild, Inlined & { readonly id: string }>> = { relaxed, strict };

const BUILDS = Object.keys(INLINED) as WasmBuild[];

/** The bytes of a build, as in `phi-ts/wasm/<build>.wasm`. */
export const moduleBytes = (build: WasmBuild): Uint8Array<ArrayBuffer> => inlinedBytes(INLINED[build]);

const compiled = new Map<WasmBuild, WebAssembly.Module>();

/**
 * The module of a build: the given one, and else its own bytes, compiled at first use and once per process.
 * @throws OptionError if modules were given, but not this one
 * @throws PhiError (code "wasm") where the engine refuses WebAssembly, SIMD, or to compile bytes
 */
export function moduleOf(build: WasmBuild, given?: WasmModules): WasmModule {
  if (given !== undefined) {
    const module = given[build];
    if (module !== undefined) return module;
    throw new OptionError({
      what: `kernels "${build}": not among the modules of option "wasm"`,
      got: Object.keys(given),
      expected: build,
    });
  }
  let module = compiled.get(build);
  if (module !== undefined) return module;
  try {
    module = new WebAssembly.Module(moduleBytes(build));
  } catch (cause) {
    throw refused(build, cause);
  }
  compiled.set(build, module);
  return module;
}

/** An instance of a build's module that works in `arena`. @throws PhiError (code "wasm") where the engine refuses it */
export function instantiate(arena: Arena, build: WasmBuild, module: WasmModule): WasmExports {
  if (!arena.memory)
    throw new PhiError("wasm", `${arena.name} is no WebAssembly memory: only reference kernels work in it`);
  try {
    return new WebAssembly.Instance(module, { env: { memory: arena.memory as WebAssembly.Memory } })
      .exports as WasmExports;
  } catch (cause) {
    throw refused(build, cause);
  }
}

function refused(build: WasmBuild, cause: unknown): PhiError {
  if (typeof WebAssembly !== "object")
    return new PhiError("wasm", 'this engine has no WebAssembly; { kernels: "reference" } works without', { cause });
  const message =
    `this engine refuses the WASM kernels (build "${build}": ${String(cause).slice(0, 200)}). ` +
    `Where it may not compile bytes (workerd), import phi-ts/wasm/${build}.wasm as a module and give it as option "wasm"; ` +
    `a Content-Security-Policy needs 'wasm-unsafe-eval'; { kernels: "reference" } works without WebAssembly`;
  return new PhiError("wasm", message, { cause });
}

/**
 * Option `wasm`: one module, whose build is read from it, or several by the names of their builds.
 * @throws OptionError for what is no module of this very version of phi-ts, or stands under another build's name
 */
export function checkWasm(where: string, value: unknown): WasmModules | undefined {
  if (value === undefined) return undefined;
  if (isModule(value)) return { [buildOf(where, value)]: value };
  const entries: [string, unknown][] = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const given = entries.filter((entry): entry is [string, WebAssembly.Module] => isModule(entry[1]));
  const absent = entries.filter(([, module]) => module === undefined);
  if (
    given.length === 0 ||
    given.length + absent.length < entries.length ||
    entries.some(([name]) => !(name in INLINED))
  ) {
    const got = entries.length > 0 ? entries.map(([name]) => name) : value;
    const expected = `a WebAssembly.Module, or an object of them by build: ${BUILDS.join(", ")}`;
    throw new OptionError({ what: `${where}: option "wasm"`, got, expected });
  }
  for (const [name, module] of given) {
    const build = buildOf(where, module);
    if (build !== name) throw new OptionError({ what: `${where}: option "wasm"`, got: build, expected: name });
  }
  return Object.fromEntries(given);
}

/** Not by `instanceof`: a module may come from another realm. */
const isModule = (value: unknown): value is WebAssembly.Module =>
  Object.prototype.toString.call(value) === "[object WebAssembly.Module]";

function buildOf(where: string, module: WebAssembly.Module): WasmBuild {
  const [section] = WebAssembly.Module.customSections(module, "phi-ts");
  const id = section && new TextDecoder().decode(section);
  const build = BUILDS.find((name) => INLINED[name].id === id);
  if (build !== undefined) return build;
  throw new OptionError({
    what: `${where}: option "wasm": not a module of this version of phi-ts`,
    got: id ?? "a module without a section phi-ts",
    expected: `one of phi-ts/wasm/*.wasm: ${BUILDS.map((name) => INLINED[name].id).join(", ")}`,
  });
}
