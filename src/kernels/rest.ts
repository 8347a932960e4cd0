import { relaxed } from "./generated/relaxed.ts";
import { rest } from "./generated/rest.ts";
import { REST_ANSWERS } from "./rest-answers.ts";
import { checkedRest } from "./rest-checked.ts";
import { restKernels } from "./rest-simd.ts";
import type { KernelRest } from "./wasm-module.ts";

/** The kernels that not every model needs: of GGUF and int4 files, of LoRA, and of other architectures than phi3. */
export const REST: KernelRest = {
  code: { ...rest, after: relaxed },
  answers: REST_ANSWERS,
  bind: restKernels,
  checked: checkedRest,
};
