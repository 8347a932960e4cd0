/**
 * `phi-ts/core/architectures`: models that do not share the decoder of Phi-3 and Phi-4, for `loadPhi(…, { architectures: [phimoe] })` of `phi-ts/core`:
 * `phi` is Phi-1, Phi-1.5 and Phi-2, `phi3small` Phi-3-small, `phimoe` Phi-3.5-MoE, Phi-mini-MoE and Phi-tiny-MoE.
 * @module
 */
export { phi } from "../model/phi.ts";
export { phi3small } from "../model/phi3small.ts";
export { phimoe } from "../model/phimoe.ts";
