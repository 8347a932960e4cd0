import { SourceError } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { isGgufStart } from "../formats/gguf/magic.ts";
import { openPacked } from "../formats/packed/packed.ts";
import { isIndex } from "../formats/safetensors/sets.ts";
import type { FileFormat, NamedFile } from "../load/file-format.ts";
import { needFormat } from "../load/no-part.ts";
import { abortableSource, type Bytes, bytesSource, type Opened, type Source, withFile } from "../source/index.ts";
import { CONFIG, hinted, holdsGguf, withWeights } from "./folders.ts";

/** First bytes of a file that are looked at. */
const START = 16;

/**
 * The folder of a checkpoint, or the one that a file of one of `formats`, a packed file or a file of weights stands for. docs/loading.md has all
 * cases.
 * @param tell of what is wrong with it and leaves a folder all the same
 * @throws SourceError if it is none of these; FormatError for a packed file of another version, and what the formats throw
 */
export async function checkpointIn(
  where: string,
  { source, file }: Opened,
  formats: readonly FileFormat[],
  signal: AbortSignal | undefined,
  tell: Tell = throwIt,
): Promise<Source> {
  const folder = abortableSource(source, signal);
  const names = await folder.list?.();
  if (file === undefined || file === CONFIG) {
    const found = await byFormat(formats, folder, undefined, tell);
    if (found) return found;
    if (names && holdsGguf(names))
      needFormat(
        formats,
        "gguf",
        names.find((name) => name.endsWith(".gguf")),
      );
    return (await openPacked(folder)) ?? (names ? folder : hinted(folder));
  }
  if (isIndex(file)) return withWeights(folder, names, file);
  const named = await startOf(folder, file);
  if (named) {
    const found = await byFormat(formats, folder, named, tell);
    if (found) return found;
    if (isGgufStart(named.start) || file.endsWith(".gguf")) needFormat(formats, "gguf", file);
    const packed = await openPacked(folder, file);
    if (packed) return packed;
    if (!names || names.includes(CONFIG)) return withWeights(folder, names, file);
  }
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

/** How the file begins that was named, if it may be a checkpoint. */
async function startOf(folder: Source, file: string): Promise<NamedFile | undefined> {
  if (/\.(json|jinja|json\.gz)$/.test(file)) return undefined;
  const start = await withFile(folder, file, (opened) => opened.read(0, Math.min(START, opened.size)));
  return { name: file, start };
}

/** Bytes of a file as a folder: they have no name, and get one by their beginning. */
export function openBytes(given: Bytes): Opened {
  const bytes = given instanceof Uint8Array ? given : new Uint8Array(given);
  const file = isGgufStart(bytes) ? "model.gguf" : "model.safetensors";
  return { source: bytesSource({ [file]: bytes }), file };
}
