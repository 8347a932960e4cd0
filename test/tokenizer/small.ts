import { createTokenizer, type Tokenizer } from "phi-ts/tokenizer";
import { readFixtureJson, readText } from "../fixtures.ts";
import type { Engine } from "../harness.ts";

interface Variant {
  name: string;
  model: string;
  file: { model: object };
}

/** Small tokenizers of our own, which are there on every machine. What they give is fresh each time, since tests change what they get. */
export async function smallTokenizers(engine: Engine) {
  const phiTinyText = await readText(engine, "models/phi-tiny/tokenizer.json");
  const variants = await readFixtureJson<Variant[]>(engine, "tokenizers/features/variants.json");
  const models = await readFixtureJson<Record<string, object>>(engine, "tokenizers/features/models.json");
  const texts = await readFixtureJson<string[]>(engine, "tokenizers/features/texts.json");

  /** The file of models/phi-tiny: byte-level, o200k's pattern with single digits, control tokens that strip to their right. */
  const phiTinyFile = (): Record<string, unknown> => JSON.parse(phiTinyText);

  /** The tokenizer.json of a variant of test/fixtures/tools/tokenizer-cases.py, to change as one likes. */
  function featureFile(name: string): Record<string, unknown> {
    const found = variants.find((v) => v.name === name);
    if (!found) throw new Error(`no variant "${name}"`);
    return structuredClone({ ...found.file, model: { ...models[found.model], ...found.file.model } });
  }

  return {
    phiTinyFile,
    phiTiny: (): Tokenizer => createTokenizer({ tokenizer: phiTinyFile() }),
    featureFile,
    feature: (name: string): Tokenizer => createTokenizer({ tokenizer: featureFile(name) }),
    featureTexts: (): string[] => texts,
  };
}
