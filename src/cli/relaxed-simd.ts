import { setFlagsFromString } from "node:v8";

/**
 * Node 20 has relaxed SIMD, but only behind a flag of V8, which an application may set before WebAssembly is compiled and a library must not.
 * Its faulty instruction (kernels/known-answers.ts) is found and not used.
 */
export function askForRelaxedSimd(): void {
  if (process.versions.node.startsWith("20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");
}
