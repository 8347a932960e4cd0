import { openPath } from "#platform";
import { FormatError, OptionError } from "../errors.ts";
import {
  checkedSource,
  isSource,
  MAX_TEXT_BYTES,
  readJson,
  readSmall,
  readText,
  type Source,
} from "../source/index.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import type { Tokenizer } from "./types.ts";

/**
 * Loads a tokenizer from a folder of a Hugging Face checkpoint: tokenizer.json (or tokenizer.json.gz) and, where they are there,
 * tokenizer_config.json, chat_template.jinja and generation_config.json.
 * @param input a path (of the folder, or of a tokenizer.json), a Source, or the parsed files
 * @throws SourceError if there is no tokenizer.json
 * @throws FormatError for a malformed file
 * @throws TokenizerError (code "unsupported" or "regex") for a part that is not built, by its name
 * @example const tokenizer = await loadTokenizer("models/phi-tiny");
 */
export async function loadTokenizer(input: string | Source | TokenizerFiles): Promise<Tokenizer> {
  if (typeof input === "string") {
    const { source, file } = await openPath(input);
    return createTokenizer(await readFiles(source, file));
  }
  if (isSource(input)) return createTokenizer(await readFiles(checkedSource(input)));
  if (typeof input === "object" && input !== null && "tokenizer" in input) return createTokenizer(input);
  throw new OptionError({ what: "loadTokenizer", got: input, expected: "a path, a Source, or { tokenizer, … }" });
}

/** Reads the files of a tokenizer from a folder. @param file the name of tokenizer.json, if it has another */
async function readFiles(source: Source, file?: string): Promise<TokenizerFiles> {
  const names = new Set(await source.list());
  const main =
    file ?? (!names.has("tokenizer.json") && names.has("tokenizer.json.gz") ? "tokenizer.json.gz" : "tokenizer.json");
  const ifThere = async <T>(name: string, read: (name: string) => Promise<T>) =>
    names.has(name) ? read(name) : undefined;
  const json = (name: string) => readJson(source, name);
  return {
    tokenizer: main.endsWith(".gz") ? await readZipped(source, main) : await json(main),
    tokenizerConfig: await ifThere("tokenizer_config.json", json),
    chatTemplate: await ifThere("chat_template.jinja", (name) => readText(source, name)),
    generationConfig: await ifThere("generation_config.json", json),
  };
}

/** A JSON file in gzip. */
async function readZipped(source: Source, name: string): Promise<unknown> {
  const zipped = await readSmall(source, name);
  try {
    return JSON.parse(await unzip(zipped, name));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError({ what: "no JSON in gzip", file: name, cause }, "json");
  }
}

async function unzip(bytes: Uint8Array, name: string): Promise<string> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parts: string[] = [];
  let size = 0;
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    // A few kilobytes can unpack to gigabytes.
    if (size > MAX_TEXT_BYTES) {
      await reader.cancel();
      throw new FormatError(
        { what: "unpacks to too much", file: name, expected: `at most ${MAX_TEXT_BYTES} bytes` },
        "too_large",
      );
    }
    parts.push(decoder.decode(value, { stream: true }));
  }
  return parts.join("") + decoder.decode();
}
