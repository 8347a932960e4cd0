import { SourceError } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { isGguf, isGgufStart } from "../formats/gguf/magic.ts";
import { openPacked } from "../formats/packed/packed.ts";
import type { FileFormat, NamedFile } from "../load/file-format.ts";
import { needFormat } from "../load/no-part.ts";
import { abortableSource, type Bytes, bytesSource, type Opened, type Source, withFile } from "../source/index.ts";

/** First bytes of a file that are looked at. */
const START = 16;

/** What a folder, or a file in it, stands for where nothing else says so; undefined: a folder for itself, a file for nothing. */
export type Otherwise = (folder: Source, file: string | undefined) => Promise<Source | undefined>;

/**
 * The folder of a checkpoint, or the one that a file of one of `formats` or a packed file stands for.
 * @param tell of what is wrong with it and leaves a folder all the same
 * @throws SourceError if it is none of these; FormatError for a packed file of another version, and what the formats throw
 */
export async function checkpointIn(
  where: string,
  { source, file: given }: Opened,
  formats: readonly FileFormat[],
  signal: AbortSignal | undefined,
  tell: Tell = throwIt,
  otherwise?: Otherwise,
): Promise<Source> {
  const folder = abortableSource(source, signal);
  // A folder may be named by its config.
  const file = given === "config.json" ? undefined : given;
  const named = await startOf(folder, file);
  if (named || file === undefined) {
    const found = await byFormat(formats, folder, named, tell);
    if (found) return found;
    const gguf = named ? isGguf(named) && named.name : await ggufAlone(folder);
    if (gguf) needFormat(formats, "gguf", gguf);
    const packed = await openPacked(folder, file);
    if (packed) return packed;
  }
  const other = await otherwise?.(folder, file);
  if (other) return other;
  if (file === undefined) return folder;
  throw new SourceError({
    what: `${where} takes a checkpoint, a GGUF file or a packed file, but not one of a checkpoint's files alone`,
    file,
    expected: "it in its folder, with config.json and all weights",
  });
}

async function byFormat(
  formats: readonly FileFormat[],
  folder: Source,
  named: NamedFile | undefined,
  tell: Tell,
): Promise<Source | undefined> {
  for (const format of formats) {
    const found = await format.folder?.(folder, named, tell);
    if (found) return found;
  }
  return undefined;
}

/** Whether a file describes a checkpoint, and holds nothing of its weights. */
export const isDescription = (file: string): boolean => /\.(json|jinja|json\.gz)$/.test(file);

/** How the file begins that was named, if it may be a checkpoint. */
async function startOf(folder: Source, file: string | undefined): Promise<NamedFile | undefined> {
  if (file === undefined || isDescription(file)) return undefined;
  const start = await withFile(folder, file, (opened) => opened.read(0, Math.min(START, opened.size)));
  return { name: file, start };
}

/** A GGUF file in a folder without config.json. */
async function ggufAlone(folder: Source): Promise<string | undefined> {
  const names = (await folder.list?.()) ?? [];
  return names.includes("config.json") ? undefined : names.find((name) => name.endsWith(".gguf"));
}

export const isBytes = (input: unknown): input is Bytes => input instanceof Uint8Array || input instanceof ArrayBuffer;

/** Bytes of a file as a folder: they have no name, and get one by their beginning. */
export function openBytes(given: Bytes): Opened {
  const bytes = given instanceof Uint8Array ? given : new Uint8Array(given);
  const file = isGgufStart(bytes) ? "model.gguf" : "model.safetensors";
  return { source: bytesSource({ [file]: bytes }), file };
}
