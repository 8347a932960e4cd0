import { SourceError } from "../errors.ts";
import { readJson } from "../source/index.ts";
import type { Source } from "../source/source.ts";

/** Published configs have a few kilobytes. */
const MAX = { maxBytes: 2 ** 22 };

/** A config.json, or a file like it, parsed. @throws SourceError, FormatError */
export const readConfig = (from: Source, name: string): Promise<unknown> => readJson(from, name, MAX);

/** config.json of a checkpoint. @throws as {@link readConfig}; SourceError (code "adapter") for the folder of an adapter alone */
export async function readModelConfig(source: Source): Promise<unknown> {
  try {
    return await readConfig(source, "config.json");
  } catch (error) {
    const names = error instanceof SourceError && error.code === "not_found" ? await source.list?.() : undefined;
    if (!names?.includes("adapter_config.json")) throw error;
    const facts = { file: "adapter_config.json", expected: "the model's folder, and this one as an adapter of it" };
    throw new SourceError({ what: "this is an adapter of PEFT without its model", ...facts }, "adapter");
  }
}
