/**
 * A leader and its helpers: one thread runs the decoder and gives out the large operations as jobs (kernels/shared.ts), which helpers share
 * (kernels/wasm/crew.ts says how).
 * @module
 */
export { type Assemble, type Assembly, assemble, assembleBy } from "./assemble.ts";
export { chooseThreads, oneThread, type ThreadChoice } from "./choose.ts";
export type { HelperSetup } from "./helper.ts";
export { type HelperThreads, helpersBy, type StartHelpers } from "./helpers.ts";
export { Leader } from "./leader.ts";
