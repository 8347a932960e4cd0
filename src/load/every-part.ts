import * as reference from "../kernels/reference/index.ts";
import { REST } from "../kernels/rest.ts";
import { GIVEN_ARCHITECTURES } from "../model/every-architecture.ts";
import { openAdapters } from "./adapters/open.ts";
import type { EngineParts } from "./engine-parts.ts";
import { foreign } from "./foreign.ts";
import { ggufFiles } from "./gguf.ts";
import { int4 } from "./int4/index.ts";

/** All of them, as `phi-ts` has them. */
export const EVERY_PART: EngineParts = {
  formats: [foreign, ggufFiles, int4],
  architectures: GIVEN_ARCHITECTURES,
  reference,
  lora: { open: openAdapters, kernels: REST },
};
