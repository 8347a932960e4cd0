/** Modules that are no JavaScript, as config.capnp declares them. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
declare module "phi-tiny/*" {
  const bytes: ArrayBuffer;
  export default bytes;
}
