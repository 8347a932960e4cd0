import { PhiError } from "../errors.ts";
import type { Arena } from "../tensor/arena.ts";
import { STRICT_WASM } from "./generated/strict.ts";

/** The functions that the WASM module exports: numbers in, at most one number out; pointers are byte offsets in the arena. */
export type WasmExports = Record<string, (...args: number[]) => number>;

let compiled: WebAssembly.Module | undefined;

/** The strict-SIMD module, compiled once per process. */
function compile(): WebAssembly.Module {
  if (compiled === undefined) {
    const text = atob(STRICT_WASM);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    compiled = new WebAssembly.Module(bytes);
  }
  return compiled;
}

/** An instance of the kernels that works in `arena`. @throws PhiError (code "wasm") where the engine refuses WebAssembly or SIMD */
export function instantiate(arena: Arena): WasmExports {
  if (!arena.memory)
    throw new PhiError("wasm", `${arena.name} is no WebAssembly memory: only reference kernels work in it`);
  try {
    return new WebAssembly.Instance(compile(), { env: { memory: arena.memory } }).exports as WasmExports;
  } catch (cause) {
    throw new PhiError(
      "wasm",
      'this engine refuses the WASM SIMD kernels; { kernels: "reference" } works without them',
      { cause },
    );
  }
}
