import { FormatError, SourceError } from "../errors.ts";
import { parseStrictJson } from "./json.ts";
import type { Source, SourceFile } from "./source.ts";

/** Text files of a checkpoint (config, tokenizer, index) are at most this long; the largest tokenizer.json known has 34 MB. */
export const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** The whole of a file, in fresh memory. @throws SourceError as {@link SourceFile.read} does */
export function readAll(file: SourceFile): Promise<Uint8Array> {
  return file.read(0, file.size);
}

/** Opens a file, runs `use` with it and closes it, whatever happens. @throws SourceError if there is no such file */
export async function withFile<T>(source: Source, name: string, use: (file: SourceFile) => Promise<T>): Promise<T> {
  const file = await source.open(name);
  try {
    return await use(file);
  } finally {
    await file.close?.();
  }
}

/** What `read` makes of a file, or undefined if the source has none of that name. */
export async function ifThere<T>(
  source: Source,
  name: string,
  read: (source: Source, name: string) => Promise<T>,
): Promise<T | undefined> {
  if (source.list) return (await source.list()).includes(name) ? read(source, name) : undefined;
  try {
    return await read(source, name);
  } catch (error) {
    if (error instanceof SourceError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** All of several pieces of work, which go on side by side. Where one fails, the first failure is thrown once all have ended. */
export async function together<T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  for (const result of await Promise.allSettled(work)) if (result.status === "rejected") throw result.reason;
  return Promise.all(work) as Promise<{ [K in keyof T]: Awaited<T[K]> }>;
}

/**
 * The whole of a UTF-8 text file; a byte order mark at its start is dropped.
 * @param options.maxBytes longer files are refused before anything of them is read
 * @throws SourceError if there is no such file
 * @throws FormatError if it is too long (code "too_large") or not UTF-8 (code "utf8")
 */
export async function readText(source: Source, name: string, options: { maxBytes?: number } = {}): Promise<string> {
  return decodeUtf8(await readSmall(source, name, options.maxBytes), name);
}

/**
 * The whole of a file that should not be large.
 * @throws SourceError if there is no such file; FormatError (code "too_large") if it is longer than `maxBytes`, before anything of it is read
 */
export function readSmall(source: Source, name: string, maxBytes = MAX_TEXT_BYTES): Promise<Uint8Array> {
  return withFile(source, name, (file) => {
    if (file.size <= maxBytes) return readAll(file);
    throw new FormatError(
      {
        what: "too long for a file of its kind",
        file: name,
        got: `${file.size} bytes`,
        expected: `at most ${maxBytes}`,
      },
      "too_large",
    );
  });
}

/** @throws FormatError (code "utf8") if the bytes are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array, file: string, keepBom = false): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: keepBom }).decode(bytes);
  } catch (cause) {
    throw new FormatError({ what: "not UTF-8", file, cause }, "utf8");
  }
}

/**
 * A JSON file, parsed: what JSON.parse gives, for the caller to check.
 * @param options.maxBytes longer files are refused before anything of them is read
 * @throws SourceError if there is no such file
 * @throws FormatError with the file's name and the place of the fault if it is no JSON (code "json"), too long, or not UTF-8
 */
export async function readJson(source: Source, name: string, options: { maxBytes?: number } = {}): Promise<unknown> {
  const text = await readText(source, name, options);
  try {
    return JSON.parse(text);
  } catch (cause) {
    parseStrictJson(text, name); // finds the place, in the same words on every engine
    throw new FormatError({ what: "invalid JSON", file: name, cause }, "json");
  }
}
