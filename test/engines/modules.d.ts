/** Made by test/engines/bundle.ts. */
declare module "all-suites" {
  export { suites } from "../harness.ts";
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
