/**
 * `phi-ts/core/lora`: LoRA adapters, for `loadPhi(…, { adapters, lora })` of `phi-ts/core`.
 * @module
 */
import { REST } from "../kernels/rest.ts";
import { openAdapters } from "../load/adapters/open.ts";
import { withAdapters } from "./adapter-sources.ts";
import type { LoraPart } from "./parts.ts";

/** Adapters of HF PEFT beside a model. */
export const lora: LoraPart = { open: openAdapters, kernels: REST, sources: withAdapters };
