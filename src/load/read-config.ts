import { readJson } from "../source/index.ts";
import type { Source } from "../source/source.ts";

/** Published configs have a few kilobytes. */
const MAX = { maxBytes: 2 ** 22 };

/** A config.json, or a file like it, parsed. @throws SourceError, FormatError */
export const readConfig = (from: Source, name: string): Promise<unknown> => readJson(from, name, MAX);
