import { attemptAsync } from "../../faults.ts";
import { REST } from "../../kernels/rest.ts";
import type { FileFormat } from "../file-format.ts";
import { int4Blocks } from "./fill.ts";
import { int4Formats } from "./formats.ts";
import { int4SchemeBeside, int4SchemeOf } from "./scheme.ts";
import { hasInt4, isInt4, withInt4 } from "./tensors.ts";

/** Safetensors with matrices of int4 words: GPTQ, AWQ and compressed-tensors. */
export const int4: FileFormat = {
  name: "int4",
  kernels: REST,
  stored(config) {
    const told = int4SchemeOf(config);
    return async (files, specs, source, tell) => {
      const unsaid = !told && hasInt4(files);
      const scheme = unsaid ? await attemptAsync(tell, () => int4SchemeBeside(source)) : told;
      if (!scheme) return unsaid ? undefined : files;
      const found = withInt4(files, specs, scheme, tell);
      const tensors = new Map(found.tensors);
      for (const [name, info] of tensors)
        if (isInt4(info)) tensors.set(name, { ...info, fill: (slot, staged) => int4Blocks(slot, info, staged) });
      return { ...found, tensors, choose: int4Formats };
    };
  },
};
