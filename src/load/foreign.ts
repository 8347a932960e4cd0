import { foreignAmong, foreignFile } from "../formats/foreign.ts";
import { isGgufStart } from "../formats/gguf/magic.ts";
import type { FileFormat } from "./file-format.ts";

/** What is known and not read, each refused by what it is: SourceError (code "foreign"). */
export const foreign: FileFormat = {
  name: "foreign",
  async folder(_, file) {
    const known = file && !isGgufStart(file.start) && foreignFile(file.name, file.start);
    if (known) throw known;
    return undefined;
  },
  async open(_, names) {
    const known = names.some((name) => /\.(gguf|safetensors)$/.test(name)) ? undefined : foreignAmong(names);
    if (known) throw known;
    return undefined;
  },
};
