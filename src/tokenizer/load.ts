import { FormatError } from "../errors.ts";
import { INPUTS, type Input, openInput, URL_OPTIONS, type UrlOptions } from "../open.ts";
import { checkOptions } from "../options.ts";
import { isBlob } from "../source/blob.ts";
import { ifThere, MAX_TEXT_BYTES, readJson, readSmall, readText, type Source, together } from "../source/index.ts";
import { notFound } from "../source/range.ts";
import { RANK_FILE, tokenizerOfRanks } from "./tiktoken.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import type { Tokenizer } from "./types.ts";

const PLAIN = "tokenizer.json";
const ZIPPED = "tokenizer.json.gz";

/**
 * Loads a tokenizer from a folder of a Hugging Face checkpoint: tokenizer.json (or tokenizer.json.gz, or cl100k_base.tiktoken with the special tokens of
 * Phi-3-small) and, where they are there, tokenizer_config.json, chat_template.jinja and generation_config.json.
 * @param input a path, a URL, a name on the hub (hf:owner/name) or Blobs (of the folder, or of one of those three), a Source, or the parsed files
 * @param options how files at URLs and on the hub are fetched
 * @throws OptionError if it is none of these, or for an unknown option
 * @throws SourceError if there is no tokenizer.json
 * @throws FormatError for a malformed file
 * @throws TokenizerError (code "unsupported" or "regex") for a part that is not built, by its name
 * @example const tokenizer = await loadTokenizer("models/phi-tiny");
 */
export async function loadTokenizer(input: Input | TokenizerFiles, options: UrlOptions = {}): Promise<Tokenizer> {
  const where = "loadTokenizer";
  checkOptions(where, options, URL_OPTIONS);
  if (isFiles(input)) return createTokenizer(input);
  const { source, file } = await openInput(where, input, options, `${INPUTS}, or { tokenizer, … }`);
  if (file !== undefined) {
    const tokenizer = await readTokenizer(source, file);
    return createTokenizer({ tokenizer, ...(await readOthers(source)) });
  }
  const found = await tokenizerIn(source);
  if (found) return found;
  throw notFound(`${PLAIN}, ${ZIPPED} or ${RANK_FILE}`, await source.list?.());
}

/** The parsed files, and no Blob that has the name "tokenizer". */
const isFiles = (input: unknown): input is TokenizerFiles =>
  typeof input === "object" && input !== null && "tokenizer" in input && !isBlob(input.tokenizer);

/** The tokenizer of a checkpoint's folder; undefined if there is none, since ids go in and out of a model without. @param known as {@link tokenizerFilesIn} */
export async function tokenizerIn(
  folder: Source,
  known: Pick<TokenizerFiles, "generationConfig"> = {},
): Promise<Tokenizer | undefined> {
  const files = await tokenizerFilesIn(folder, known);
  return files && createTokenizer(files);
}

/**
 * The parsed files of the tokenizer in a folder; undefined if there is none.
 * @param known files of the folder that were read already; `undefined` in it stands for one that is not there
 */
export async function tokenizerFilesIn(
  folder: Source,
  known: Pick<TokenizerFiles, "generationConfig"> = {},
): Promise<TokenizerFiles | undefined> {
  for (const name of [PLAIN, ZIPPED, RANK_FILE]) {
    const tokenizer = await ifThere(folder, name, readTokenizer);
    if (tokenizer !== undefined) return { tokenizer, ...(await readOthers(folder, known)) };
  }
  return undefined;
}

async function readTokenizer(source: Source, name: string): Promise<unknown> {
  if (name.endsWith(".tiktoken")) return tokenizerOfRanks(await readText(source, name), name);
  return name.endsWith(".gz") ? readZipped(source, name) : readJson(source, name);
}

/** The files beside tokenizer.json; none of them must be there. */
async function readOthers(source: Source, known: object = {}): Promise<Omit<TokenizerFiles, "tokenizer">> {
  const [tokenizerConfig, chatTemplate, generationConfig] = await together([
    ifThere(source, "tokenizer_config.json", readJson),
    ifThere(source, "chat_template.jinja", readText),
    "generationConfig" in known ? undefined : ifThere(source, "generation_config.json", readJson),
  ]);
  return { tokenizerConfig, chatTemplate, generationConfig, ...known };
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
