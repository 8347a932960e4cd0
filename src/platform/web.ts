import { SourceError } from "../errors.ts";
import type { Sink } from "../source/sink.ts";
import type { OpenedPath } from "../source/source.ts";

const noPaths = (path: string, instead: string): SourceError =>
  new SourceError(
    { what: "paths need Node, Bun or Deno; here is no file system", file: path, expected: instead },
    "no_paths",
  );

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function openPath(path: string): Promise<OpenedPath> {
  throw noPaths(path, "a Source, for instance bytesSource({ name: bytes, … })");
}

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function createFolder(path: string): Promise<Sink> {
  throw noPaths(path, "a Sink, for instance bytesSink(files)");
}

/** CPU time of this process in milliseconds; browsers do not tell. */
export function cpuTimeMs(): number | undefined {
  return undefined;
}
