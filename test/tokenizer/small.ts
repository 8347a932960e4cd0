import { readFileSync } from "node:fs";
import { createTokenizer, type Tokenizer } from "phi-ts/tokenizer";
import { rootPath } from "./shared.ts";

/** Small tokenizers of our own, which are there on every machine. */

const texts = new Map<string, string>();

/** A file, parsed anew each time, since tests change what they get. */
function json<T>(path: string): T {
  let text = texts.get(path);
  if (text === undefined) {
    text = readFileSync(rootPath(path), "utf8");
    texts.set(path, text);
  }
  return JSON.parse(text) as T;
}

/** The file of models/phi-tiny: byte-level, o200k's pattern with single digits, control tokens that strip to their right. */
export const phiTinyFile = (): Record<string, unknown> => json("models/phi-tiny/tokenizer.json");

export const phiTiny = (): Tokenizer => createTokenizer({ tokenizer: phiTinyFile() });

interface Variant {
  name: string;
  model: string;
  file: { model: object };
}

let variants: Variant[] | undefined;
let models: Record<string, object> | undefined;

/** The tokenizer.json of a variant of test/fixtures/tools/tokenizer-cases.py, to change as one likes. */
export function featureFile(name: string): Record<string, unknown> {
  variants ??= json<Variant[]>("test/fixtures/tokenizers/features/variants.json");
  models ??= json<Record<string, object>>("test/fixtures/tokenizers/features/models.json");
  const found = variants.find((v) => v.name === name);
  if (!found) throw new Error(`no variant "${name}"`);
  return structuredClone({ ...found.file, model: { ...models[found.model], ...found.file.model } });
}

export const feature = (name: string): Tokenizer => createTokenizer({ tokenizer: featureFile(name) });

export const featureTexts = (): string[] => json("test/fixtures/tokenizers/features/texts.json");
