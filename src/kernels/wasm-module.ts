import { PhiError } from "../errors.ts";
import { type Inlined, inlinedBytes } from "../inline/inlined.ts";
import type { Arena } from "../tensor/arena.ts";
import { strict } from "./generated/strict.ts";
import type { WasmBuild } from "./kernels.ts";

/** The functions that the WASM module exports: numbers in, at most one number out; pointers are byte offsets in the arena. */
export type WasmExports = Record<string, (...args: number[]) => number>;

/** All builds come from the same sources, src/kernels/wasm; scripts/build-wasm.mjs says how they differ. */
const INLINED: Readonly<Record<WasmBuild, Inlined>> = { strict };

const compiled = new Map<WasmBuild, WebAssembly.Module>();

/** The module of a build, compiled at its first use and once per process. */
function moduleOf(build: WasmBuild): WebAssembly.Module {
  let module = compiled.get(build);
  if (module === undefined) {
    module = new WebAssembly.Module(inlinedBytes(INLINED[build]));
    compiled.set(build, module);
  }
  return module;
}

/** An instance of a build that works in `arena`. @throws PhiError (code "wasm") where the engine refuses WebAssembly or SIMD */
export function instantiate(arena: Arena, build: WasmBuild): WasmExports {
  if (!arena.memory)
    throw new PhiError("wasm", `${arena.name} is no WebAssembly memory: only reference kernels work in it`);
  try {
    return new WebAssembly.Instance(moduleOf(build), { env: { memory: arena.memory } }).exports as WasmExports;
  } catch (cause) {
    throw new PhiError(
      "wasm",
      'this engine refuses the WASM SIMD kernels; { kernels: "reference" } works without them',
      { cause },
    );
  }
}
